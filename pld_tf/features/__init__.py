"""Waveforms to features, through integer tables that a device can hold."""
