"""Losses: pure functions of logits, one value per crop."""

from collections.abc import Mapping

import tensorflow as tf


def distillation_loss(
    *, teacher_logits: tf.Tensor, student_logits: tf.Tensor, temperature: float
) -> tf.Tensor:
    """Temperature-scaled KL divergence from teacher to student.

    Args:
      teacher_logits: float32, shape [batch, classes]. Receives no gradient.
      student_logits: float32, shape [batch, classes].
      temperature: divides both sets of logits; 1 leaves them as they are.

    Returns:
      float32, shape [batch], in nats; zero where the two softmaxes agree.

    Raises:
      ValueError: `temperature` is not positive, or the shapes differ.

    Source: Hinton, Vinyals, Dean 2015, section 2, arXiv:1503.02531.
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be positive, got {temperature}.")
    if not teacher_logits.shape.is_compatible_with(student_logits.shape):
        raise ValueError(
            "teacher and student must score the same crops and classes, got "
            f"{teacher_logits.shape} and {student_logits.shape}."
        )
    teacher_log_probs = tf.nn.log_softmax(tf.stop_gradient(teacher_logits) / temperature)
    student_log_probs = tf.nn.log_softmax(student_logits / temperature)
    kl = tf.reduce_sum(tf.exp(teacher_log_probs) * (teacher_log_probs - student_log_probs), axis=-1)
    # Soft-label gradients shrink as 1/temperature²; undo it, so that the weight
    # against the hard-label loss means the same at every temperature.
    return temperature**2 * kl


def label_probabilities(
    batch: Mapping[str, tf.Tensor], *, classes: int, smoothing: float
) -> tf.Tensor:
    """Class probabilities from the corpus' labels, float32 [batch, classes]; rows sum to 1.

    Args:
      batch: `label` int32 [batch]; after mixup also `other_label`, and `own_share` float32 [batch],
        the weight of `label`.
      classes: columns.
      smoothing: share of the probability spread evenly over all classes.
    """
    probabilities = tf.one_hot(batch["label"], classes)
    if "other_label" in batch:
        own = batch["own_share"][:, None]
        probabilities = own * probabilities + (1 - own) * tf.one_hot(batch["other_label"], classes)
    return (1 - smoothing) * probabilities + smoothing / classes


def hard_label_loss(*, label_probabilities: tf.Tensor, student_logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy with labels from the corpus.

    Args:
      label_probabilities: float32, shape [batch, classes].
      student_logits: float32, shape [batch, classes].

    Returns:
      float32, shape [batch], in nats.
    """
    return -tf.reduce_sum(label_probabilities * tf.nn.log_softmax(student_logits), axis=-1)


def rung_loss(
    *,
    label_probabilities: tf.Tensor,
    student_logits: tf.Tensor,
    teacher_logits: tf.Tensor | None,
    soft: bool,
    temperature: float,
    hard_weight: tf.Tensor | float,
) -> tf.Tensor:
    """The loss of a rung for each crop.

    Without a teacher it is the hard-label loss. With a teacher, that loss has weight `hard_weight`.
    The rest is the distillation loss (`soft`) or the cross-entropy with the teacher's first choice.

    Args:
      label_probabilities: float32, shape [batch, classes].
      student_logits: float32, shape [batch, classes].
      teacher_logits: float32, shape [batch, classes].
      soft: chooses the distillation loss.
      temperature: of the distillation loss.
      hard_weight: 0 to 1; one number, or float32 of shape [batch].

    Returns:
      float32, shape [batch].
    """
    hard = hard_label_loss(label_probabilities=label_probabilities, student_logits=student_logits)
    if teacher_logits is None:
        return hard
    if soft:
        taught = distillation_loss(
            teacher_logits=teacher_logits, student_logits=student_logits, temperature=temperature
        )
    else:
        choice = tf.one_hot(tf.argmax(teacher_logits, axis=-1), student_logits.shape[-1])
        taught = hard_label_loss(label_probabilities=choice, student_logits=student_logits)
    return hard_weight * hard + (1 - hard_weight) * taught
