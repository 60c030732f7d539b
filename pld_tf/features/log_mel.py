"""Features in TensorFlow, for batches of crops."""

import math

import numpy as np
import tensorflow as tf

from pld_tf.features.spec import FeatureSpec
from pld_tf.features.tables import Q15, make_tables


def log_mel(samples: tf.Tensor, spec: FeatureSpec) -> tf.Tensor:
    """Log-mel features of a batch of crops, or MFCC if `spec.mfcc` is set.

    Args:
      samples: float32 in int16 units (-32768 to 32767), shape [batch, num_samples].
      spec: window, hop, filters, floor and scale.

    Returns:
      float32, shape [batch, frames, bins, 1]. Frame f depends on no sample after
      `f * hop + window`, and on no other crop of the batch.

    >>> log_mel(tf.zeros([1, 800]), FeatureSpec()).shape.as_list()
    [1, 2, 40, 1]
    """
    frames = tf.signal.frame(samples, spec.window_samples, spec.hop_samples)
    return frame_features(frames, spec, mel_matrix(make_tables(spec).mel / Q15))


def mel_matrix(weights: np.ndarray) -> tf.Tensor:
    """Filters [FFT bins, mel_bins] as `frame_features` takes them, float32 [2 * bins, mel_bins].

    Squared real and imaginary parts lie side by side in memory. Filters that hold every weight
    twice add them inside the matrix product.
    """
    return tf.constant(np.repeat(weights.astype(np.float32), 2, axis=-2))


def frame_features(frames: tf.Tensor, spec: FeatureSpec, mel: tf.Tensor) -> tf.Tensor:
    """Features of windows that are already cut.

    Args:
      frames: float32 in int16 units, shape [batch, frames, window_samples].
      spec: see `log_mel`.
      mel: from `mel_matrix`.

    Returns:
      float32, shape [batch, frames, bins, 1].
    """
    tables = make_tables(spec)
    window = tf.constant(tables.window.astype(np.float32) / Q15)
    spectrum = tf.signal.rfft(frames * window, [spec.fft_size])
    parts = tf.reshape(tf.bitcast(spectrum, tf.float32), [-1, spec.fft_size + 2])
    energy = tf.matmul(tf.square(parts), mel)
    log2_energy = tf.math.log(energy + float(spec.log_floor)) / math.log(2.0)
    features = (log2_energy - spec.log2_offset) / spec.log2_scale
    if spec.mfcc:
        features = tf.matmul(features, tf.constant(tables.dct.astype(np.float32) / Q15))
    return tf.reshape(features, [-1, tf.shape(frames)[1], spec.bins, 1])
