"""Keyword networks by name. Light to import: the first `build` loads TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pld_tf.models.names import MIN_BINS, check, least_frames

if TYPE_CHECKING:
    import tf_keras


def build(
    *,
    family: str,
    size: str,
    width: float,
    dropout: float,
    frames: int | None,
    bins: int,
    classes: int,
    time_padding: str = "same",
) -> tf_keras.Model:
    """Build an untrained network from features to logits.

    Weights do not depend on `frames`: a model for one length accepts the weights of another.

    Args:
      family: a key of `names.SIZES`.
      size: one of that family's sizes.
      width: multiplies every inner number of channels; 1 is the paper's network.
      dropout: share of channels dropped in training, from 0 to below 1.
      frames: of the input, 4 or more; None accepts any number in each call.
      bins: features per frame, 10 or more.
      classes: logits, 2 or more.
      time_padding: "same" pads convolutions over time; "valid" does not, so that a device can
        compute each new frame alone.

    Returns:
      A model from float32 [batch, frames, bins, 1] to float32 logits [batch, classes].

    Raises:
      PldError: no such family or size, or one that can't do without padding over time.
      ValueError: a number is out of its range.
    """
    check(family=family, size=size, time_padding=time_padding)
    _require(width > 0, "width", "positive", width)
    _require(0 <= dropout < 1, "dropout", "at least 0 and below 1", dropout)
    least = least_frames(family=family, size=size, time_padding=time_padding)
    _require(frames is None or frames >= least, "frames", f"at least {least}, or None", frames)
    _require(bins >= MIN_BINS, "bins", f"at least {MIN_BINS}", bins)
    _require(classes >= 2, "classes", "at least 2", classes)
    from pld_tf.models import assemble  # here, because importing TensorFlow is slow

    return assemble.assemble(
        family=family,
        size=size,
        width=width,
        dropout=dropout,
        frames=frames,
        bins=bins,
        classes=classes,
        time_padding=time_padding,
    )


def _require(holds: bool, name: str, expected: str, value: object) -> None:
    if not holds:
        raise ValueError(f"model.{name} must be {expected}, got {value}.")
