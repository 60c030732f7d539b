"""Several teachers as one: means, turns, and crop and clip blended."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny_run
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from trained_students import crops, network

from pld_tf.distill.step.teachers import Teachers, mean_logits, teacher_features

LOGITS = hnp.arrays(np.float32, (3, 4), elements=st.floats(-20, 20, width=32))
TEMPERATURE = st.floats(0.5, 20)


class Says(tf_keras.Model):
    """A network that gives these logits, whatever it hears."""

    def __init__(self, *logits: list[float]) -> None:
        super().__init__()
        self._logits = tf.constant(logits, tf.float32)

    def call(self, features: tf.Tensor, training: bool) -> tf.Tensor:
        assert not training
        return self._logits


# A network whose logits are what it hears.
echo = tf_keras.Sequential([tf_keras.layers.Flatten()])


def teachers(*networks, seed: int = 1, **changes) -> Teachers:
    return Teachers(networks, recipe=tiny_run.make_recipe(**changes), seed=seed)


def say(teachers: Teachers, batch: dict, step: int = 0) -> np.ndarray:
    return teachers.logits(batch, tf.constant(step, tf.int64)).numpy()


def softened(logits, temperature: float) -> np.ndarray:
    return tf.nn.softmax(tf.constant(logits) / temperature).numpy()


THROUGH_C = {"features": tf.zeros([1, 2, 1, 1])}


def test_teachers_label_without_normalization_and_within_a_millionth():
    """Stored and online labels alike: both ask `Teachers.logits`."""
    plain = network()
    both = teachers(plain)
    assert not [layer for layer in both.folded[0].layers if "normalization" in layer.name
                and layer.weights]  # fmt: skip
    found = say(both, {"features": tf.constant(crops())})
    np.testing.assert_allclose(found, plain(crops(), training=False), rtol=0, atol=1e-6)


# --- mean ---


@given(logits=LOGITS)
def test_one_teacher_says_what_it_says(logits):
    assert np.array_equal(mean_logits([tf.constant(logits)], 3.0), logits)


@given(first=LOGITS, second=LOGITS, temperature=TEMPERATURE)
def test_the_mean_is_that_of_the_softened_probabilities(first, second, temperature):
    mean = mean_logits([tf.constant(first), tf.constant(second)], temperature)
    expected = (softened(first, temperature) + softened(second, temperature)) / 2
    np.testing.assert_allclose(softened(mean, temperature), expected, atol=1e-5)


def test_worked_mean():
    """(3/4, 1/4) and (1/4, 3/4) are (1/2, 1/2); at temperature 2 logits of (ln 9, 0) are 3/4."""
    pair = [[float(np.log(9)), 0.0]], [[0.0, float(np.log(9))]]
    found = say(teachers(*(Says(*logits) for logits in pair), temperature=2.0), THROUGH_C)
    assert found[0, 0] == pytest.approx(found[0, 1])
    np.testing.assert_allclose(found, 2 * np.log(0.5), rtol=1e-5)


def test_a_class_that_no_teacher_believes_in_stays_finite():
    found = mean_logits([tf.constant([[0.0, -1e4]]), tf.constant([[0.0, -1e4]])], 1.0)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(softened(found, 1.0), [[1.0, 0.0]], atol=1e-6)


# --- switch ---


def turns(count: int, *, seed: int = 1) -> list[int]:
    """Which of three teachers speaks at each of the first steps."""
    three = teachers(*(Says([float(n), 0.0]) for n in range(3)), ensemble="switch", seed=seed)
    run = tf.function(lambda step: three.logits(THROUGH_C, step))
    return [int(run(tf.constant(step, tf.int64))[0, 0]) for step in range(count)]


def test_every_teacher_has_about_as_many_turns():
    """300 turns of three: 100 each, give or take four standard deviations of 8.2."""
    assert np.abs(np.bincount(turns(300), minlength=3) - 100).max() <= 33


def test_turns_follow_from_seed_and_step():
    assert turns(40) == turns(40)
    assert turns(40) != turns(40, seed=2)


def test_a_single_teacher_has_every_turn():
    found = say(teachers(Says([3.0, 1.0]), ensemble="switch"), THROUGH_C)
    assert found.tolist() == [[3.0, 1.0]]


# --- what they hear ---


def blend_batch(*held: float) -> dict[str, tf.Tensor]:
    """The crop sounds like class 0, the clip around it like class 1."""
    crop, clip = [[[2.0]], [[0.0]]], [[[0.0]], [[2.0]]]
    return {
        "features": tf.constant([crop] * len(held)),
        "teacher": tf.constant([clip] * len(held)),
        "held": tf.constant(held),
    }


def test_the_clip_counts_by_the_speech_that_the_crop_holds():
    """Held 0: the crop's label; held 1: the clip's; 1/4: a quarter of the clip's probabilities."""
    found = say(teachers(echo, teacher_input="blend", temperature=2.0), blend_batch(0, 1, 0.25))
    crop, clip = softened([[2.0, 0.0]], 2.0)[0], softened([[0.0, 2.0]], 2.0)[0]
    expected = [crop, clip, 0.75 * crop + 0.25 * clip]
    np.testing.assert_allclose(softened(found, 2.0), expected, atol=1e-5)


def test_crop_and_clip_are_labelled_by_the_same_teacher():
    two = teachers(echo, Says([50.0, 0.0], [50.0, 0.0]), teacher_input="blend", ensemble="switch")
    for step in range(8):
        first, second = softened(say(two, blend_batch(0.5, 0.5), step), 2.0)
        assert np.array_equal(first, second)
        # Mixed turns would give neither of these.
        assert first[0] == pytest.approx(0.5, abs=1e-5) or first[0] > 0.999


def test_the_teachers_own_features_are_heard_where_there_are_some():
    features, own = tf.zeros([1, 2, 1, 1]), tf.ones([1, 3, 1, 1])
    assert teacher_features({"features": features}) is features
    assert teacher_features({"features": features, "teacher": own}) is own
    found = say(teachers(echo, teacher_input="clip"), {"features": features, "teacher": own})
    assert found.tolist() == [[1.0, 1.0, 1.0]]
