"""Two vectors or many variables: an optimizer leaves the same bits."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny_run
from trained_students import CLASSES, crops, network

from pld_tf.distill.finish.compressed import clustered
from pld_tf.distill.step.flat_update import FlatUpdate
from pld_tf.distill.step.trainer import _LOOKED_UP, _NOT_DECAYED, make_optimizer

STEPS = 50


def recipe(name: str):
    return tiny_run.make_recipe(
        optimizer=name, schedule="cosine", warmup_epochs=1, learning_rate=0.05, weight_decay=0.1
    )


def optimizer(name: str) -> tf_keras.optimizers.Optimizer:
    return make_optimizer(recipe(name), steps=STEPS // 5, epochs=5)


def flat(optimizer, variables) -> FlatUpdate:
    return FlatUpdate(optimizer, variables, spared=_NOT_DECAYED, alone=_LOOKED_UP)


def trained(update, student: tf_keras.Model) -> list[np.ndarray]:
    """Weights after `STEPS` steps on random labels; `update` takes pairs as optimizers do."""
    features, labels = tf.constant(crops()), tf.constant(np.arange(32) % CLASSES)

    @tf.function
    def steps() -> None:
        for _ in tf.range(STEPS):
            with tf.GradientTape() as tape:
                logits = student(features, training=True)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            learnt = student.trainable_variables
            update(list(zip(tape.gradient(loss, learnt), learnt, strict=True)))

    steps()
    return student.get_weights()


def few_values() -> tf_keras.Model:
    """Its cluster centres are looked up, so that their gradients are sparse."""
    return clustered(network(), clusters=4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "make"), [("adamw", network), ("sgd", network), ("adamw", few_values)]
)
def test_fifty_steps_leave_the_bits_of_an_update_of_each_variable(name, make):
    by_variable, alone = optimizer(name), make()
    by_variable.build(alone.trainable_variables)
    expected = trained(by_variable.apply_gradients, alone)
    at_once, student = optimizer(name), make()
    before = student.get_weights()
    found = trained(flat(at_once, student.trainable_variables).apply, student)
    assert [value.tobytes() for value in found] == [value.tobytes() for value in expected]
    assert sum(map(np.array_equal, before, found)) < len(before) / 4
    assert int(at_once.iterations) == STEPS
    assert len(at_once.variables) < len(by_variable.variables)


def test_weights_assigned_between_updates_are_kept():
    """Pruning sets weights to zero, and a resumed training sets them all."""
    weight = tf.Variable([1.0, 1.0], name="kernel")
    update = flat(optimizer("sgd"), [weight])
    update.apply([(tf.zeros(2), weight)])
    weight.assign([5.0, 0.0])
    update.apply([(tf.zeros(2), weight)])
    assert weight.numpy()[0] > 4
    assert weight.numpy()[1] == 0
