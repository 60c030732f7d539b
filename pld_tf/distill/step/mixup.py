"""Mixup: crops and their labels blended in pairs."""

import tensorflow as tf

# Joins the step in the seed, so these draws have their own stream.
_STREAM = 0x6D6978
_BLENDED = ("features", "teacher", "held")  # a batch may lack some


def mixed(
    batch: dict[str, tf.Tensor], *, alpha: float, seed: int, step: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Blend each crop with the next one, the last with the first.

    Args:
      batch: from `training_batches`.
      alpha: both parameters of the beta distribution of the shares.
      seed: of the training.
      step: updates done so far.

    Returns:
      The batch with the inputs of student and teacher blended by the same shares. Two more keys:
      `other_label` int32 [batch], and `own_share` float32 [batch], the weight of the crop itself. A
      blend is `labelled` if both crops are.

    Source: Zhang et al. 2018, arXiv:1710.09412.
    """
    size = tf.shape(batch["label"])[0]
    stream = tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64) + (_STREAM << 32)])
    draws = tf.random.stateless_gamma([2, size], seed=stream, alpha=tf.constant(alpha))
    # If both draws underflow to 0 in float32, the crop stays as it is.
    own = (draws[0] + 1e-30) / (draws[0] + draws[1] + 1e-30)
    changed = {name: _blend(batch[name], own) for name in _BLENDED if name in batch}
    if "labelled" in batch:
        changed["labelled"] = batch["labelled"] * _next(batch["labelled"])
    return {**batch, **changed, "other_label": _next(batch["label"]), "own_share": own}


def _blend(values: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    share = tf.reshape(own, [-1] + [1] * (values.shape.rank - 1))
    return share * values + (1 - share) * _next(values)


def _next(values: tf.Tensor) -> tf.Tensor:
    return tf.roll(values, shift=-1, axis=0)
