"""Networks whose weights compress well: pruned to zeros, or clustered to a few values."""

import math
from collections.abc import Callable
from typing import Any

import tf_keras

from pld_tf.distill.finish.tfmot import tfmot

layers = tf_keras.layers
# Depthwise kernels stay as they are. They are small, and each of their few weights matters.
_COMPRESSED = (layers.Conv2D, layers.Conv1D, layers.Dense)


def pruned(student: tf_keras.Model, *, sparsity: float, steps: int) -> tf_keras.Model:
    """A copy that sets its smallest weights to zero during training.

    Args:
      student: keeps its weights; the copy starts with them.
      sparsity: final share of zeros in each convolution and dense layer; it rises step by step.
      steps: training steps until that share is reached; after them the zeros no longer move.

    Source: Zhu & Gupta 2017, arXiv:1710.01878.
    """
    # tfmot's type names one schedule only, but any works.
    schedule: Any = tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.0, final_sparsity=sparsity, begin_step=0, end_step=steps, frequency=1
    )
    model = _wrapped(
        student,
        lambda layer: tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=schedule),
        least=1,
    )
    for layer in model.layers:
        if hasattr(layer, "pruning_step"):
            layer.pruning_step.assign(0)  # each layer counts its own calls from here
    return model


def clustered(student: tf_keras.Model, *, clusters: int) -> tf_keras.Model:
    """A copy whose convolutions and dense layers have at most `clusters` values each.

    Source: Han, Mao, Dally 2016, arXiv:1510.00149, section 3.
    """
    linear = tfmot.clustering.keras.CentroidInitialization.LINEAR  # not random
    return _wrapped(
        student,
        lambda layer: tfmot.clustering.keras.cluster_weights(
            layer, number_of_clusters=clusters, cluster_centroids_init=linear
        ),
        least=clusters + 1,  # a layer with fewer weights already has few enough values
    )


def _wrapped(
    student: tf_keras.Model, wrap: Callable[[Any], tf_keras.layers.Layer], *, least: int
) -> tf_keras.Model:
    """A copy in which each layer is wrapped whose kernel has at least `least` weights."""

    def is_wrapped(layer: Any) -> bool:
        return type(layer) in _COMPRESSED and math.prod(layer.kernel.shape) >= least

    def copy(layer: Any) -> tf_keras.layers.Layer:
        made = type(layer).from_config(layer.get_config())
        if not is_wrapped(layer):
            return made
        made.build(layer.input_shape)
        made.set_weights(layer.get_weights())  # building the wrapper finds the clusters
        return wrap(made)

    model = tf_keras.models.clone_model(student, clone_function=copy)
    for own, made in zip(student.layers, model.layers, strict=True):
        if not is_wrapped(own):
            made.set_weights(own.get_weights())
    return model
