"""Losses: worked values, the gradients that matter, and what must not change them."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pld_tf.distill.step.losses import (
    distillation_loss,
    hard_label_loss,
    label_probabilities,
    rung_loss,
)

LOGITS = hnp.arrays(np.float32, (3, 4), elements=st.floats(-20, 20, width=32))
TEMPERATURE = st.floats(0.5, 20)
ONES = {"soft": True, "temperature": 1.0, "hard_weight": 0.5}


def loss(teacher, student, temperature=1.0) -> np.ndarray:
    return distillation_loss(
        teacher_logits=tf.constant(teacher, tf.float32),
        student_logits=tf.constant(student, tf.float32),
        temperature=temperature,
    ).numpy()


def probabilities(labels, classes, smoothing=0.0) -> tf.Tensor:
    batch = {"label": tf.constant(labels, tf.int32)}
    return label_probabilities(batch, classes=classes, smoothing=smoothing)


def hard_loss(labels, student, smoothing=0.0) -> np.ndarray:
    return hard_label_loss(
        label_probabilities=probabilities(labels, len(student[0]), smoothing),
        student_logits=tf.constant(student, tf.float32),
    ).numpy()


def mixed(labels, student, teacher, smoothing=0.0, **changes) -> np.ndarray:
    return rung_loss(
        label_probabilities=probabilities(labels, len(student[0]), smoothing),
        student_logits=tf.constant(student, tf.float32),
        teacher_logits=None if teacher is None else tf.constant(teacher, tf.float32),
        **{**ONES, **changes},
    ).numpy()


# --- soft labels ---


def test_worked_divergence():
    """Teacher (3/4, 1/4), student (1/2, 1/2): 3/4 ln(3/2) + 1/4 ln(1/2)."""
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    np.testing.assert_allclose(loss([[math.log(3), 0]], [[0, 0]]), [expected], atol=1e-6)


def test_worked_temperature():
    """At 2 the logits (ln 9, 0) are (3/4, 1/4) again, and the loss counts four times."""
    expected = 4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    found = loss([[math.log(9), 0]], [[0, 0]], temperature=2.0)
    np.testing.assert_allclose(found, [expected], atol=1e-6)


@settings(deadline=None)
@given(teacher=LOGITS, student=LOGITS, temperature=TEMPERATURE)
def test_never_negative_and_blind_to_a_shift_of_all_logits(teacher, student, temperature):
    plain = loss(teacher, student, temperature)
    assert plain.shape == (3,)
    assert (plain >= -1e-3).all()
    np.testing.assert_allclose(
        loss(teacher + 7, student - 3, temperature), plain, rtol=1e-3, atol=1e-3
    )


@settings(deadline=None)
@given(logits=LOGITS, temperature=TEMPERATURE)
def test_agreement_costs_nothing(logits, temperature):
    np.testing.assert_allclose(loss(logits, logits, temperature), 0, atol=1e-3)


def test_hot_gradient_is_the_centred_logit_difference():
    """Pins the temperature² factor: Hinton et al. 2015, section 2.1."""
    teacher, student = tf.constant([[1.0, -1.0, 0.0, 0.0]]), tf.Variable([[0.5, 0.5, -0.5, -0.5]])
    with tf.GradientTape() as tape:
        value = distillation_loss(teacher_logits=teacher, student_logits=student, temperature=100.0)
    np.testing.assert_allclose(tape.gradient(value, student), (student - teacher) / 4, atol=0.01)


@pytest.mark.parametrize("soft", [True, False])
def test_the_teacher_receives_no_gradient(soft):
    teacher, student = tf.Variable([[1.0, -1.0]]), tf.Variable([[0.5, 0.5]])
    with tf.GradientTape() as tape:
        value = rung_loss(
            label_probabilities=tf.constant([[1.0, 0.0]]),
            student_logits=student,
            teacher_logits=teacher,
            **{**ONES, "soft": soft},
        )
    to_teacher, to_student = tape.gradient(value, [teacher, student])
    assert to_teacher is None
    assert np.abs(to_student).max() > 0.1


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be positive, got"):
        loss([[0.0, 1.0]], [[0.0, 1.0]], temperature)


def test_logits_of_other_classes_are_refused():
    with pytest.raises(ValueError, match=r"same crops and classes, got \(1, 2\) and \(1, 3\)"):
        loss([[0.0, 1.0]], [[0.0, 1.0, 2.0]])


# --- hard labels ---


def test_worked_cross_entropy():
    """Student (3/4, 1/4): -ln 3/4 for class 0 and -ln 1/4 for class 1."""
    student = [[math.log(3), 0]] * 2
    expected = [-math.log(0.75), -math.log(0.25)]
    np.testing.assert_allclose(hard_loss([0, 1], student), expected, atol=1e-6)


def test_worked_smoothing():
    """A share of 0.2 spread over both classes is 0.1 to the wrong one."""
    found = hard_loss([0], [[math.log(3), 0]], smoothing=0.2)
    np.testing.assert_allclose(found, [-0.9 * math.log(0.75) - 0.1 * math.log(0.25)], atol=1e-6)


def test_a_blend_of_two_crops_has_both_labels_by_their_shares():
    batch = {
        "label": tf.constant([0, 1]),
        "other_label": tf.constant([2, 1]),
        "own_share": tf.constant([0.75, 0.5]),
    }
    found = label_probabilities(batch, classes=3, smoothing=0.0)
    np.testing.assert_allclose(found, [[0.75, 0, 0.25], [0, 1, 0]])


@settings(deadline=None)
@given(student=LOGITS, labels=hnp.arrays(np.int32, 3, elements=st.integers(0, 3)))
def test_cross_entropy_equals_that_of_tensorflow(student, labels):
    expected = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=student)
    np.testing.assert_allclose(hard_loss(labels, student), expected, rtol=1e-5, atol=1e-5)


# --- what a rung minimises ---

LABELS, STUDENT, TEACHER = [0, 2], [[0.5, 1.0, -1.0], [0.0, 0.0, 1.0]], [[3, 1, 0], [0, 2, 1]]


def test_without_a_teacher_hard_labels_decide_alone():
    found = mixed(LABELS, STUDENT, None, hard_weight=0.1, smoothing=0.2)
    np.testing.assert_allclose(found, hard_loss(LABELS, STUDENT, 0.2), atol=1e-6)


def test_soft_labels_are_mixed_by_the_hard_weight():
    found = mixed(LABELS, STUDENT, TEACHER, hard_weight=0.3, temperature=3.0, smoothing=0.2)
    expected = 0.3 * hard_loss(LABELS, STUDENT, 0.2) + 0.7 * loss(TEACHER, STUDENT, 3.0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_hard_labels_of_a_teacher_are_its_first_choice():
    found = mixed(LABELS, STUDENT, TEACHER, soft=False, hard_weight=0.3, smoothing=0.2)
    expected = 0.3 * hard_loss(LABELS, STUDENT, 0.2) + 0.7 * hard_loss([0, 1], STUDENT)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_each_crop_may_have_a_hard_weight_of_its_own():
    found = mixed(LABELS, STUDENT, TEACHER, hard_weight=tf.constant([1.0, 0.0]))
    expected = [hard_loss(LABELS, STUDENT)[0], loss(TEACHER, STUDENT)[1]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("hard_weight", "expected"), [(1.0, hard_loss(LABELS, STUDENT)), (0.0, loss(TEACHER, STUDENT))]
)
def test_at_its_ends_the_hard_weight_leaves_one_loss(hard_weight, expected):
    np.testing.assert_allclose(
        mixed(LABELS, STUDENT, TEACHER, hard_weight=hard_weight), expected, atol=1e-6
    )
