"""Figures and their intervals. NumPy only."""
