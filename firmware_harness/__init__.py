"""Measures exported models. Imports neither pld_tf, export nor tensorflow."""
