"""The builder of each family, and what surrounds every network: its input and model."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf
import tf_keras

from pld_tf.models import names
from pld_tf.models.networks import (
    bc_resnet,
    bc_resnet_bn,
    ds_cnn,
    ds_cnn_se,
    edgespeechnet,
    highway,
    lstm,
    res,
    tc_resnet,
)


@dataclass(frozen=True, kw_only=True)
class Family:
    """One published family.

    Args:
      build: (inputs, *, size, width, dropout, classes) to logits, both symbolic tensors. Families
        of `names.VALID_MIN_FRAMES` take `time_padding`, too.
      sizes: the allowed values of `size`.
    """

    build: Callable[..., tf.Tensor]
    sizes: tuple[str, ...]


FAMILIES: dict[str, Family] = {
    "ds_cnn": Family(build=ds_cnn.build, sizes=names.SIZES["ds_cnn"]),
    "ds_cnn_se": Family(build=ds_cnn_se.build, sizes=names.SIZES["ds_cnn_se"]),
    "tc_resnet": Family(build=tc_resnet.build, sizes=names.SIZES["tc_resnet"]),
    "res": Family(build=res.build, sizes=names.SIZES["res"]),
    "edgespeechnet": Family(build=edgespeechnet.build, sizes=names.SIZES["edgespeechnet"]),
    "bc_resnet": Family(build=bc_resnet.build, sizes=names.SIZES["bc_resnet"]),
    "bc_resnet_bn": Family(build=bc_resnet_bn.build, sizes=names.SIZES["bc_resnet_bn"]),
    "highway": Family(build=highway.build, sizes=names.SIZES["highway"]),
    "lstm": Family(build=lstm.build, sizes=names.SIZES["lstm"]),
}


def assemble(
    *,
    family: str,
    size: str,
    width: float,
    dropout: float,
    frames: int | None,
    bins: int,
    classes: int,
    time_padding: str,
) -> tf_keras.Model:
    """Build the model of `pld_tf.models.build`, which has checked the arguments."""
    features = tf_keras.Input((frames, bins, 1), name="features")
    choices = {"time_padding": time_padding} if family in names.VALID_MIN_FRAMES else {}
    logits = FAMILIES[family].build(
        features, size=size, width=width, dropout=dropout, classes=classes, **choices
    )
    return tf_keras.Model(features, logits, name=family)
