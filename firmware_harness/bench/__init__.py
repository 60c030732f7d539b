"""The targets of `pld-tf bench`: each runs a bundle somewhere and reports on it."""
