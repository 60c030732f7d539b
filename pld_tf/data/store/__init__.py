"""Clips decoded once and packed into TFRecord shards."""
