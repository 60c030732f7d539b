"""What a .tflite says of itself: how its tensors store values, what its operators cost."""
