"""Reads a firmware bundle: its manifest, its models, its C files."""
