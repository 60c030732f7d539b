"""Accuracy of a run under four protocols, and whether one way of training beats another."""
