"""Quantization-aware training (QAT): a network that rounds to int8 while it trains."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import tensorflow as tf
import tf_keras

from pld_tf.distill.finish.quantize_configs import CUSTOM_OBJECTS, annotate, refused_layers
from pld_tf.distill.finish.tfmot import tfmot
from pld_tf.errors import PldError

# Names of the quantizers of a wrapped layer's output: before or after the activation, or alone.
_BEFORE_ACTIVATION = "pre_activation"
_OUTPUTS = ("output", "post_activation", _BEFORE_ACTIVATION)


def quantize_aware(student: tf_keras.Model, crops: Iterable[tf.Tensor]) -> tf_keras.Model:
    """A copy of a trained network whose weights and activations are rounded to 8 bits.

    Batch normalization is frozen. With statistics of each batch, the network would differ from the
    exported one, which has fixed statistics (Krishnamoorthi 2018, arXiv:1806.08342).

    Source: Jacob et al. 2018, arXiv:1712.05877, as implemented in tensorflow-model-optimization.

    Args:
      student: keeps its weights; the copy starts with them.
      crops: batches of features [batch, frames, bins, 1], at least one. The student's activations
        on them give the initial ranges.

    Raises:
      PldError: the network has a layer that can't be rounded.
    """
    require_quantizable(student)
    with tfmot.quantization.keras.quantize_scope(CUSTOM_OBJECTS):
        model = tfmot.quantization.keras.quantize_apply(annotate(student))
    _set_ranges(model, student, crops)
    for part in model.submodules:
        if isinstance(part, tf_keras.layers.BatchNormalization):
            part.trainable = False
    return model


def require_quantizable(student: tf_keras.Model) -> None:
    """Accept a network that QAT supports.

    Raises:
      PldError: names each layer that QAT does not support.
    """
    if refused := refused_layers(student):
        raise PldError(
            f"quantization-aware training does not take {', '.join(refused)} of {student.name}. "
            "Leave 'qat' and 'qat_distilled' out of finish, or take a network without them."
        )


@contextmanager
def without_constant_folding() -> Iterator[None]:
    """Turn off TensorFlow's constant folding for graphs that are first called in this block.

    In a loop, TensorFlow 2.17 takes a rounded copy's unknown number of frames for -1. It pads
    dilated convolutions by that number, and they fail.
    """
    before = tf.config.optimizer.get_experimental_options().get("constant_folding", True)
    tf.config.optimizer.set_experimental_options({"constant_folding": False})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"constant_folding": before})


def _set_ranges(model: tf_keras.Model, student: tf_keras.Model, crops: Iterable[tf.Tensor]) -> None:
    """Set each range to the least and greatest value, averaged over batches.

    The moving averages of training converge to these values. They start at +-6 and keep 0.999 of
    themselves at each step, so without this they need thousands of steps.
    """
    ranges = {layer: found for layer in model.layers if (found := _range_variables(layer))}
    probe = tf_keras.Model(student.input, [_rounded_tensors(layer, student) for layer in ranges])
    measured = [[_extremes(calls) for calls in probe(batch, training=False)] for batch in crops]
    # The converter requires 0 within every range.
    limits = np.mean(np.array(measured, np.float32), axis=0)
    for (least, greatest), (low, high) in zip(ranges.values(), limits, strict=True):
        least.assign(min(low, 0.0))
        greatest.assign(max(high, 0.0))


def _range_variables(layer: Any) -> tuple[tf.Variable, tf.Variable] | None:
    """Least and greatest value of a layer's rounded output; None if it is not rounded."""
    named = {weight.name.split("/")[-1].partition(":")[0]: weight for weight in layer.weights}
    for prefix in (*_OUTPUTS, layer.name):
        if f"{prefix}_min" in named:
            return named[f"{prefix}_min"], named[f"{prefix}_max"]
    return None


def _rounded_tensors(layer: Any, student: tf_keras.Model) -> list[Any]:
    """The float tensors that `layer` rounds: the network's input, or a layer's output per call."""
    wrapped = getattr(layer, "layer", None)
    if wrapped is None:
        return [student.input]
    own = cast(tf_keras.layers.Layer, student.get_layer(wrapped.name))
    calls = range(len(own.inbound_nodes))
    if not any(_BEFORE_ACTIVATION in weight.name for weight in layer.weights):
        return [own.get_output_at(call) for call in calls]
    changed = {"activation": "linear", "name": f"{own.name}_inactive"}
    inactive = type(own).from_config(own.get_config() | changed)
    tensors = [inactive(own.get_input_at(call)) for call in calls]
    inactive.set_weights(own.get_weights())
    return tensors


def _extremes(tensors: list[tf.Tensor]) -> tuple[float, float]:
    """Least and greatest value over all tensors."""
    return (
        min(float(tf.reduce_min(each)) for each in tensors),
        max(float(tf.reduce_max(each)) for each in tensors),
    )
