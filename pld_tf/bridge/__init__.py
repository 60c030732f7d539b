"""Joins `pld_tf` to `export` and `firmware_harness`, which do not know each other."""
