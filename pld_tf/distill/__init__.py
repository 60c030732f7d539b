"""Losses, one training, and the ladder of trainings."""
