"""Measures exported models. Imports none of pld_tf, export and tensorflow."""
