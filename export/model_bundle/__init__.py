"""Reads the hand-off from `pld_tf`: a frozen student with its features and labels."""
