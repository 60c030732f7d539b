"""Kernels for cores with Arm's DSP extension: Cortex-M4, M7, M33 and later."""
