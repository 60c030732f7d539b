"""Turns a model bundle into a firmware bundle: int8 .tflite, C files, manifest.

Imports neither pld_tf nor firmware_harness.
"""
