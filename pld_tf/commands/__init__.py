"""The commands of `pld-tf`: parse, call, print. Nothing else may import this package."""
