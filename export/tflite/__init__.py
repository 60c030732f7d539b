"""What a .tflite file is: its graph, its operators, its quantization arithmetic."""
