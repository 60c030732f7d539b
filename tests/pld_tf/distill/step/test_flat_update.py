"""One vector or many variables: an optimizer leaves the same bits."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny_run
from trained_students import CLASSES, crops, network

from pld_tf.distill.step.flat_update import FlatUpdate
from pld_tf.distill.step.trainer import _NOT_DECAYED, make_optimizer

STEPS = 50


def recipe(name: str):
    return tiny_run.make_recipe(
        optimizer=name, schedule="cosine", warmup_epochs=1, learning_rate=0.05, weight_decay=0.1
    )


def optimizer(name: str) -> tf_keras.optimizers.Optimizer:
    return make_optimizer(recipe(name), steps=STEPS // 5, epochs=5)


def trained(apply, student: tf_keras.Model) -> list[np.ndarray]:
    """Weights after `STEPS` steps on random labels."""
    features, labels = tf.constant(crops()), tf.constant(np.arange(32) % CLASSES)

    @tf.function
    def steps() -> None:
        for _ in tf.range(STEPS):
            with tf.GradientTape() as tape:
                logits = student(features, training=True)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            apply(tape.gradient(loss, student.trainable_variables))

    steps()
    return student.get_weights()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_fifty_steps_leave_the_bits_of_an_update_of_each_variable(name):
    by_variable, alone = optimizer(name), network()
    by_variable.build(alone.trainable_variables)
    expected = trained(
        lambda gradients: by_variable.apply_gradients(
            zip(gradients, alone.trainable_variables, strict=True)
        ),
        alone,
    )
    at_once, student = optimizer(name), network()
    before = student.get_weights()
    update = FlatUpdate(at_once, student.trainable_variables, spared=_NOT_DECAYED)
    found = trained(update.apply, student)
    assert [value.tobytes() for value in found] == [value.tobytes() for value in expected]
    assert not any(map(np.array_equal, before, found))
    assert int(at_once.iterations) == STEPS


def test_weights_assigned_between_updates_are_kept():
    """Pruning sets weights to zero, and a resumed training sets them all."""
    weight = tf.Variable([1.0, 1.0], name="kernel")
    update = FlatUpdate(optimizer("sgd"), [weight], spared=())
    update.apply([tf.zeros(2)])
    weight.assign([5.0, 0.0])
    update.apply([tf.zeros(2)])
    assert weight.numpy()[0] > 4
    assert weight.numpy()[1] == 0
