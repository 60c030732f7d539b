"""How quantization-aware training (QAT) treats each layer of a network.

tensorflow-model-optimization (tfmot) handles convolutions, dense layers, sums and pools. It refuses
products, differences and our own layers. This module has configs for those.
"""

from typing import Any

import tf_keras

from pld_tf.distill.finish.tfmot import tfmot
from pld_tf.models.layers.mean_over_bins import MeanOverBins
from pld_tf.models.layers.seeded_dropout import SeededDropout
from pld_tf.models.layers.sub_spectral_norm import SubSpectralNorm

layers = tf_keras.layers
keras_quantization = tfmot.quantization.keras


class Untouched(keras_quantization.QuantizeConfig):
    """For a layer that keeps the range of its input, or that conversion to int8 removes."""

    def get_weights_and_quantizers(self, layer: tf_keras.layers.Layer) -> list[Any]:
        return []

    def get_activations_and_quantizers(self, layer: tf_keras.layers.Layer) -> list[Any]:
        return []

    def set_quantize_weights(self, layer: tf_keras.layers.Layer, quantize_weights: list) -> None:
        pass

    def set_quantize_activations(
        self, layer: tf_keras.layers.Layer, quantize_activations: list
    ) -> None:
        pass

    def get_output_quantizers(self, layer: tf_keras.layers.Layer) -> list[Any]:
        return []

    def get_config(self) -> dict[str, Any]:
        return {}


class OutputOnly(Untouched):
    """For a layer whose output is rounded to 8 bits, in a range that follows the output.

    Constants inside the layer are left to the converter, which knows their range.
    """

    def get_output_quantizers(self, layer: tf_keras.layers.Layer) -> list[Any]:
        return [
            keras_quantization.quantizers.MovingAverageQuantizer(
                num_bits=8, per_axis=False, symmetric=False, narrow_range=False
            )
        ]


_CONFIGS: dict[type, type[Untouched]] = {
    layers.Multiply: OutputOnly,
    layers.Subtract: OutputOnly,
    MeanOverBins: OutputOnly,
    SubSpectralNorm: OutputOnly,
    SeededDropout: Untouched,
}
_BEFORE_NORM = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)
# tfmot finds serialized configs and layers by these names.
CUSTOM_OBJECTS: dict[str, type] = {
    kind.__name__: kind
    for kind in (Untouched, OutputOnly, MeanOverBins, SubSpectralNorm, SeededDropout)
}


def quantize_config(layer: tf_keras.layers.Layer) -> Untouched | None:
    """The config for a layer; None if tfmot's own config is enough."""
    config = _CONFIGS.get(type(layer))
    return config() if config else None


def refused_layers(model: tf_keras.Model) -> list[str]:
    """The layers for which QAT is not possible, one text each.

    >>> inputs = layers.Input((24, 10))
    >>> refused_layers(tf_keras.Model(inputs, layers.LSTM(4, name="memory")(inputs)))
    ['layer memory (LSTM)']
    """
    registry = keras_quantization.default_8bit.Default8BitQuantizeRegistry()
    return [
        f"layer {layer.name} ({type(layer).__name__})"
        for layer in model.layers
        if not (
            isinstance(layer, layers.InputLayer)
            or quantize_config(layer)
            or registry.supports(layer)
            or _is_folded(layer)
        )
    ]


def annotate(model: tf_keras.Model) -> tf_keras.Model:
    """A copy of a network with its weights, each layer annotated with how QAT treats it.

    Pass it to `tfmot.quantization.keras.quantize_apply` inside
    `tfmot.quantization.keras.quantize_scope(CUSTOM_OBJECTS)`.

    Raises:
      ValueError: QAT does not support a layer; `refused_layers` names it.
    """
    refused = refused_layers(model)
    if refused:
        raise ValueError(f"no quantization-aware training for {', '.join(refused)}.")

    def annotated(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        return keras_quantization.quantize_annotate_layer(layer, quantize_config(layer))

    copy = tf_keras.models.clone_model(tf_keras.models.clone_model(model), clone_function=annotated)
    copy.set_weights(model.get_weights())
    return copy


def _is_folded(layer: tf_keras.layers.Layer) -> bool:
    """Batch normalization right after a convolution. The converter folds it and leaves a bias."""
    if type(layer) is not layers.BatchNormalization:
        return False
    before = layer.inbound_nodes[0].inbound_layers
    return isinstance(before, _BEFORE_NORM)
