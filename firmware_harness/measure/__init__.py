"""What is measured of a model: latency, accuracy, differences in bytes, costs."""
