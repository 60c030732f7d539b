"""Logits of a model for many crops."""

import numpy as np
import tensorflow as tf
import tf_keras

from pld_tf.features.log_mel import log_mel
from pld_tf.features.spec import FeatureSpec

BATCH = 256


def predict_logits(model: tf_keras.Model, features: np.ndarray) -> np.ndarray:
    """Logits float32 [n, classes] for features float32 [n, frames, bins, 1]."""
    run = _inference(model)
    parts = [
        run(tf.constant(features[first : first + BATCH])).numpy()
        for first in range(0, len(features), BATCH)
    ]
    return np.concatenate(parts)


def predict_crops(model: tf_keras.Model, crops: tf.data.Dataset, spec: FeatureSpec) -> np.ndarray:
    """Logits float32 [clips, crops, classes] for int16 crops [clips, crops, samples]."""
    run = _inference(model)
    parts = []
    for batch in crops:
        logits = run(_features(batch, spec))
        parts.append(tf.reshape(logits, [batch.shape[0], batch.shape[1], -1]).numpy())
    return np.concatenate(parts)


def crop_features(crops: tf.data.Dataset, spec: FeatureSpec) -> np.ndarray:
    """Features float32 [clips * crops, frames, bins, 1] for int16 crops [clips, crops, samples]."""
    return np.concatenate([_features(batch, spec).numpy() for batch in crops])


def _features(crops: tf.Tensor, spec: FeatureSpec) -> tf.Tensor:
    flat = tf.reshape(crops, [-1, crops.shape[-1]])
    return log_mel(tf.cast(flat, tf.float32), spec)


def _inference(model: tf_keras.Model) -> tf.types.experimental.PolymorphicFunction:
    """The model without dropout and batch statistics; traced once and cached on the model."""
    if not hasattr(model, "pld_inference"):
        model.pld_inference = tf.function(
            lambda features: model(features, training=False),
            # One trace for all lengths and batch sizes.
            input_signature=[tf.TensorSpec(model.input_shape, tf.float32)],
        )
    return model.pld_inference
