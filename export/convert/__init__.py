"""From a SavedModel to .tflite files."""
