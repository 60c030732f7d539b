"""The .tflite format: its graph, its operators, its quantization arithmetic."""
