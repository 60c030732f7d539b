"""Ways to finish a trained student: quantization-aware training, pruning, clustering."""
