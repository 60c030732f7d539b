"""Recordings to batches: corpus, store, crops, tf.data pipelines."""
