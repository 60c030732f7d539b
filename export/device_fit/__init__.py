"""Whether a model fits a device: flash, RAM, operators."""
