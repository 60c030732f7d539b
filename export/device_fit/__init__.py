"""Does a model fit a device? Flash, RAM, operators."""
