"""Facts of the .tflite format: how tensors store values, what operators cost."""
