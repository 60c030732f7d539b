"""Fold batch normalization into convolutions, for networks that no longer learn."""

from typing import Any

import numpy as np
import tf_keras

layers = tf_keras.layers
_FOLDABLE = (layers.Conv2D, layers.DepthwiseConv2D)


def with_folded_norms(model: tf_keras.Model) -> tf_keras.Model:
    """A copy for inference: each normalization after a convolution is in its kernel and bias.

    Later changes of the model's weights do not reach the copy.

    Source: Jacob et al. 2018, arXiv:1712.05877, section 3.2.

    Args:
      model: keeps its weights. A normalization stays if it reads anything but a convolution that
        is called once, has no activation and no other reader.
    """
    norms = {convolution.name: norm for convolution, norm in _pairs(model)}
    if not norms:
        return model
    folded = {norm.name for norm in norms.values()}

    def replaced(layer: Any) -> tf_keras.layers.Layer:
        if layer.name in folded:
            return layers.Activation("linear", name=layer.name)
        changed = {"use_bias": True} if layer.name in norms else {}
        return type(layer).from_config(layer.get_config() | changed)

    copy: Any = tf_keras.models.clone_model(model, clone_function=replaced)
    for layer in model.layers:
        if layer.name in norms:
            copy.get_layer(layer.name).set_weights(_folded(layer, norms[layer.name]))
        elif layer.name not in folded:
            copy.get_layer(layer.name).set_weights(layer.get_weights())
    return copy


def _pairs(model: tf_keras.Model) -> list[tuple[Any, Any]]:
    """Each convolution with the normalization that is its only reader."""
    found: list[tuple[Any, Any]] = []
    for layer in model.layers:
        readers = [node.outbound_layer for node in layer.outbound_nodes]
        is_plain = type(layer) in _FOLDABLE and layer.activation is tf_keras.activations.linear
        if is_plain and len(readers) == 1 and type(readers[0]) is layers.BatchNormalization:
            found.append((layer, readers[0]))
    return found


def _folded(convolution: Any, norm: Any) -> list[np.ndarray]:
    """Kernel and bias; in float64, so each is rounded once."""
    kernel, *bias = (weight.astype(np.float64) for weight in convolution.get_weights())
    gamma, beta, mean, variance = (weight.astype(np.float64) for weight in norm.get_weights())
    gain = gamma / np.sqrt(variance + norm.epsilon)
    # Output channels are the last axes of a kernel: both axes of a depthwise one, [.., c, m].
    depthwise = isinstance(convolution, layers.DepthwiseConv2D)
    of_channel = gain.reshape(kernel.shape[2:]) if depthwise else gain
    offset = beta + (sum(bias) - mean) * gain
    return [(kernel * of_channel).astype(np.float32), offset.astype(np.float32)]
