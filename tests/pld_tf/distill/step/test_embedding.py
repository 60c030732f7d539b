"""The embedding match: worked cosines, what learns from it, and what does not."""

from functools import cache

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from pld_tf import models
from pld_tf.distill.step.embedding import EmbeddingMatch

BINS, FRAMES = 10, 12


@cache
def network(width: float = 0.25, dropout: float = 0.0, seed: int = 0) -> tf_keras.Model:
    """Read-only."""
    tf.random.set_seed(seed)
    return models.build(
        family="tc_resnet", size="8", width=width, dropout=dropout,
        frames=None, bins=BINS, classes=3,
    )  # fmt: skip


def heard(crops: int = 4, frames: int = FRAMES) -> tf.Tensor:
    return tf.random.stateless_normal([crops, frames, BINS, 1], seed=[1, 2])


def embedding_of(model: tf_keras.Model, features: tf.Tensor) -> tf.Tensor:
    return tf_keras.Model(model.input, model.get_layer("logits").input)(features)


@pytest.fixture
def match() -> EmbeddingMatch:
    return EmbeddingMatch(network(0.25), network(0.5, seed=1), seed=3)


def project_to(match: EmbeddingMatch, target: tf.Tensor, factor: float) -> tf.Tensor:
    """An embedding whose projection is `factor` times `target`: a share of the width, copied."""
    ours, theirs = match.projection.shape
    match.projection.assign(tf.concat([tf.eye(ours), tf.zeros([ours, theirs - ours])], axis=1))
    return factor * target[:, :ours]


@pytest.mark.parametrize(("factor", "expected"), [(3.0, 0.0), (0.1, 0.0), (-2.0, 2.0)])
def test_worked_losses_of_proportional_and_opposite_embeddings(factor, expected):
    """Networks of one width, so that the projection can be the identity."""
    teacher = network(0.25, seed=1)
    match = EmbeddingMatch(network(0.25), teacher, seed=3)
    theirs = embedding_of(teacher, heard())
    found = match.loss(project_to(match, theirs, factor), heard())
    np.testing.assert_allclose(found, [expected] * 4, atol=1e-5)


def test_worked_loss_of_an_embedding_at_a_right_angle():
    teacher = network(0.25, seed=1)
    match = EmbeddingMatch(network(0.25), teacher, seed=3)
    theirs = embedding_of(teacher, heard()).numpy()
    across = np.zeros_like(theirs)
    across[:, 0], across[:, 1] = theirs[:, 1], -theirs[:, 0]
    np.testing.assert_allclose(
        match.loss(project_to(match, tf.constant(across), 1.0), heard()), 1.0, atol=1e-5
    )


def test_no_gradient_reaches_the_teacher_and_the_projection_learns():
    teacher = network(0.5, seed=1)
    match = EmbeddingMatch(network(0.25), teacher, seed=3)
    with tf.GradientTape() as tape:
        embedding, _ = match.student(heard(), training=True)
        loss = tf.reduce_sum(match.loss(embedding, heard()))
    learnt = [*match.student.trainable_variables, match.projection]
    gradients = tape.gradient(loss, [*learnt, *teacher.trainable_variables])
    mine, theirs = gradients[: len(learnt)], gradients[len(learnt) :]
    assert all(gradient is None for gradient in theirs)
    assert np.abs(mine[-1]).max() > 0
    # The logits' own kernel and bias have no part in an embedding.
    assert sum(gradient is None for gradient in mine) == 2


def test_the_student_is_the_same_network_with_its_embedding():
    student = network(0.25)
    match = EmbeddingMatch(student, network(0.5, seed=1), seed=3)
    embedding, logits = match.student(heard(), training=False)
    assert np.array_equal(logits, student(heard(), training=False))
    assert embedding.shape == (4, match.projection.shape[0])
    assert {id(w) for w in match.student.weights} == {id(w) for w in student.weights}


def test_the_teacher_may_hear_more_than_the_student(match):
    embedding, _ = match.student(heard(), training=False)
    assert match.loss(embedding, heard(frames=3 * FRAMES)).shape == (4,)


def test_the_projection_follows_from_its_seed():
    student, teacher = network(0.25), network(0.5)
    first, again, other = (
        EmbeddingMatch(student, teacher, seed=seed).projection.numpy() for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == (12, 24)
    assert first.std() == pytest.approx(12**-0.5, rel=0.2)


def test_the_match_adds_no_weight_to_the_student(match):
    names = [weight.name for weight in match.student.weights]
    assert len(names) == len(network(0.25).weights)
