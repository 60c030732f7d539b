"""LSTM: one recurrent layer reads the frames in order (Hello Edge, arXiv:1711.07128).

The paper's "Basic LSTM": no peepholes, no projection, scored from the state after the last frame.
"""

import tensorflow as tf

from pld_tf.models.layers.blocks import layers, scaled, scores
from pld_tf.models.layers.fused_lstm import FusedLstm

UNITS = {"S": 118, "M": 214, "L": 344}


def build(inputs: tf.Tensor, *, size: str, width: float, dropout: float, classes: int) -> tf.Tensor:
    """Give the logits. The paper's input is 49 frames of 10 MFCC (40 ms windows, 20 ms hop)."""
    x = layers.Reshape((-1, inputs.shape[2]))(inputs)
    x = FusedLstm(scaled(UNITS[size], width))(x)
    return scores(x, dropout=dropout, classes=classes)
