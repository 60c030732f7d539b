"""Measures a model: latency, accuracy, differing bytes, costs."""
