"""Scale each channel's mean over bins, so that all channels suit one int8 range."""

from typing import Any

import numpy as np
import tf_keras

from pld_tf.models.layers.mean_over_bins import MeanOverBins

layers = tf_keras.layers


def with_equalized_means(model: tf_keras.Model) -> tf_keras.Model:
    """A copy that computes the same function, with each channel's mean over bins scaled.

    An int8 tensor has one range for all channels. If the next convolution amplifies a channel with
    small means, it amplifies their rounding errors, too. So each channel's mean is multiplied by
    its later gain, and the next kernel is divided by it: cross-layer equalization (Nagel et al.
    2019, arXiv:1906.04721). A scaled mean is a depthwise convolution over all bins. Its weights are
    equal within a channel, so they are rounded without error.

    Args:
      model: keeps its weights. A mean is scaled only if its single reader is a depthwise
        convolution over frames.
    """
    means = {mean.name: convolution for mean, convolution in _pairs(model)}
    if not means:
        return model
    factors = {convolution.name: _factors(convolution) for convolution in means.values()}

    def replaced(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        if layer.name in means:
            kernel = (1, layer.input_shape[2])
            return layers.DepthwiseConv2D(kernel, use_bias=False, name=layer.name)
        return type(layer).from_config(layer.get_config())

    equalized: Any = tf_keras.models.clone_model(model, clone_function=replaced)
    for layer in model.layers:
        weights = layer.get_weights()
        if layer.name in means:
            bins = layer.input_shape[2]
            weights = [np.tile(factors[means[layer.name].name] / bins, (1, bins, 1, 1))]
        elif layer.name in factors:
            weights = [weights[0] / factors[layer.name]]
        equalized.get_layer(layer.name).set_weights(weights)
    return equalized


def _pairs(model: tf_keras.Model) -> list[tuple[Any, Any]]:
    """Each mean over bins with its only reader, a convolution over frames."""
    found: list[tuple[Any, Any]] = []
    for layer in model.layers:
        readers = [node.outbound_layer for node in layer.outbound_nodes]
        if isinstance(layer, MeanOverBins) and len(readers) == 1 and _is_over_frames(readers[0]):
            found.append((layer, readers[0]))
    return found


def _is_over_frames(layer: Any) -> bool:
    return type(layer) is layers.DepthwiseConv2D and not layer.use_bias


def _factors(convolution: Any) -> np.ndarray:
    """Gain of a convolution and its normalization per channel, at most 1: [1, 1, c, 1]."""
    (kernel,) = convolution.get_weights()
    gains = np.abs(kernel).max(axis=(0, 1, 3))
    readers = [node.outbound_layer for node in convolution.outbound_nodes]
    if len(readers) == 1 and isinstance(readers[0], layers.BatchNormalization):
        norm: Any = readers[0]
        gains = gains * np.abs(norm.gamma) / np.sqrt(norm.moving_variance + norm.epsilon)
    # A channel that has no effect may have any factor except 0.
    gains = np.maximum(gains, np.finfo(np.float32).tiny + 1e-3 * gains.max())
    return (gains / gains.max())[None, None, :, None].astype(np.float32)
