"""Progressive label distillation of keyword spotters, from recordings to a model bundle."""

__version__ = "0.2.0"
