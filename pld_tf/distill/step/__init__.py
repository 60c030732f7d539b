"""One training step: losses, teachers, mixup, averages of weights."""
