"""Firmware for emulated and real boards: build, run, flash."""
