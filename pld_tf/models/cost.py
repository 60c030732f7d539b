"""What a network costs: parameters and multiply-accumulates (MACs), from shapes alone."""

import math
from typing import Any

import numpy as np
import tf_keras

from pld_tf.models.layers.fused_lstm import FusedLstm
from pld_tf.models.layers.seeded_dropout import SeededDropout
from pld_tf.models.layers.sub_spectral_norm import SubSpectralNorm

layers = tf_keras.layers
CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)


def trainable(model: tf_keras.Model) -> int:
    """Number of trainable parameters; a batch normalization (BN) has two per channel."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def parameters(model: tf_keras.Model) -> int:
    """Number of parameters that a device stores after conversion.

    A BN is folded into its convolution and leaves one bias per channel. A sub-spectral
    normalization can't be folded. It leaves a scale and an offset per bin and channel.
    """
    return sum(_stored(layer) for layer in model.layers)


def _stored(layer: tf_keras.layers.Layer) -> int:
    if isinstance(layer, SubSpectralNorm):
        return 2 * layer.bins * layer.channels
    if isinstance(layer, layers.BatchNormalization):
        return math.prod(layer.moving_mean.shape)
    if isinstance(layer, SeededDropout):
        return 0
    return sum(math.prod(weight.shape) for weight in layer.weights)


def macs(model: tf_keras.Model, *, frames: int, bins: int) -> int:
    """Multiply-accumulates of one input in convolutions, dense layers and LSTMs.

    Multiplications with zero padding count, as in the papers. Normalizations, sums, pools and
    activations do not.

    Raises:
      ValueError: the model was built for another number of bins or frames.
    """
    built = model.input_shape[1:3]
    if built[0] not in (None, frames) or built[1] != bins:
        raise ValueError(
            f"the model takes {built[0] or 'any'} frames x {built[1]} bins, got {frames} x {bins}."
        )
    maps = [(layer, each) for layer in model.layers for each in _maps(layer)]
    probe = tf_keras.Model(model.input, [each for _, each in maps])
    shapes = probe.compute_output_shape((1, frames, bins, 1))
    return sum(
        int(np.prod(shape[1:-1])) * _macs_per_place(layer)
        for (layer, _), shape in zip(maps, shapes, strict=True)
    )


def _maps(layer: tf_keras.layers.Layer) -> list[Any]:
    """Maps with one place per use of the layer's kernel; one map for each call of the layer."""
    calls = range(len(layer.inbound_nodes))
    if isinstance(layer, (FusedLstm, layers.Conv2DTranspose)):
        return [layer.get_input_at(call) for call in calls]
    if isinstance(layer, (*CONVOLUTIONS, layers.Dense)):
        return [layer.get_output_at(call) for call in calls]
    return []


def _macs_per_place(layer: tf_keras.layers.Layer) -> int:
    """Every kernel entry is used once per place of the map."""
    return sum(math.prod(w.shape) for w in layer.trainable_weights if len(w.shape) > 1)
