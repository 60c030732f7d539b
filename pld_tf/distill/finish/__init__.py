"""Finishes a trained student: quantization-aware training, pruning, clustering."""
