"""Model bundle to firmware bundle: int8 .tflite, C array, manifest.

Imports neither pld_tf nor firmware_harness.
"""
