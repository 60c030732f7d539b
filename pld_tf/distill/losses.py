"""Losses: pure functions of logits, one value per crop."""

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


def hard_label_loss(
    *, labels: tf.Tensor, student_logits: tf.Tensor, smoothing: float = 0.0
) -> tf.Tensor:
    """Cross-entropy with class indices.

    Args:
      labels: int32, shape [batch].
      student_logits: float32, shape [batch, classes].
      smoothing: share of the probability spread evenly over all classes.

    Returns:
      float32, shape [batch], in nats.
    """
    log_probs = tf.nn.log_softmax(student_logits)
    right = tf.gather(log_probs, labels, batch_dims=1)
    return -(1 - smoothing) * right - smoothing * tf.reduce_mean(log_probs, axis=-1)


def rung_loss(
    *,
    labels: tf.Tensor,
    student_logits: tf.Tensor,
    teacher_logits: tf.Tensor | None,
    soft: bool,
    temperature: float,
    hard_weight: float,
    smoothing: float,
) -> tf.Tensor:
    """What a rung minimises for each crop.

    Without a teacher, hard labels alone. With one, `hard_weight` of the hard-label loss, and for
    the rest the distillation loss (`soft`) or the cross-entropy with the teacher's first choice.

    Returns:
      float32, shape [batch].
    """
    hard = hard_label_loss(labels=labels, student_logits=student_logits, smoothing=smoothing)
    if teacher_logits is None:
        return hard
    if soft:
        taught = distillation_loss(
            teacher_logits=teacher_logits, student_logits=student_logits, temperature=temperature
        )
    else:
        choice = tf.argmax(teacher_logits, axis=-1, output_type=tf.int32)
        taught = hard_label_loss(labels=choice, student_logits=student_logits)
    return hard_weight * hard + (1 - hard_weight) * taught
