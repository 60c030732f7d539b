"""Accuracy of a run under four protocols, and comparison of two ways of training."""
