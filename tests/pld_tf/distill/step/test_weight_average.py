"""The average of weights: worked values, what it follows, and that a model gets its own back."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from pld_tf import models
from pld_tf.distill.step.weight_average import WeightAverage


@pytest.fixture
def model() -> tf_keras.Model:
    return models.build(
        family="tc_resnet", size="8", width=0.25, dropout=0.2, frames=None, bins=10, classes=3
    )


class One:
    """A model of one weight."""

    def __init__(self, value: float) -> None:
        self.weight = tf.Variable([value])
        self.weights = [self.weight]


def update(average: WeightAverage, step: int) -> None:
    average.update(tf.constant(step, tf.int64))


def test_worked_young_average():
    """Update 1 keeps 2/11 of the old average, update 2 keeps 3/12."""
    one = One(11.0)
    average = WeightAverage(one, decay=0.999)
    one.weight.assign([22.0])
    update(average, 1)
    np.testing.assert_allclose(average.variables[0], [2.0 + 18.0], rtol=1e-6)
    one.weight.assign([0.0])
    update(average, 2)
    np.testing.assert_allclose(average.variables[0], [5.0], rtol=1e-6)


def test_worked_old_average():
    """After many updates the decay itself counts: 0.9 * 10 + 0.1 * 20."""
    one = One(10.0)
    average = WeightAverage(one, decay=0.9)
    one.weight.assign([20.0])
    update(average, 1_000_000)
    np.testing.assert_allclose(average.variables[0], [11.0], rtol=1e-6)


def test_batch_statistics_are_averaged_and_counters_are_not(model):
    average = WeightAverage(model, decay=0.9)
    followed = {weight.name for weight in average._followed}
    assert any("moving_variance" in name for name in followed)
    assert len(average.variables) == len(model.weights) - 1  # all but dropout's integers
    assert all(variable.dtype == tf.float32 for variable in average.variables)


def test_in_place_the_model_holds_the_averages_and_then_its_own_again(model):
    average = WeightAverage(model, decay=0.9)
    averages = [variable.numpy() + 1 for variable in average.variables]
    for variable, value in zip(average.variables, averages, strict=True):
        variable.assign(value)
    own = model.get_weights()
    with average.in_place():
        held = [weight.numpy() for weight in average._followed]
    for expected, found in zip(averages, held, strict=True):
        assert np.array_equal(expected, found)
    for expected, found in zip(own, model.get_weights(), strict=True):
        assert np.array_equal(expected, found)
    for expected, variable in zip(averages, average.variables, strict=True):
        assert np.array_equal(expected, variable)


def test_the_model_gets_its_own_weights_back_after_an_exception(model):
    average = WeightAverage(model, decay=0.9)
    for variable in average.variables:
        variable.assign_add(tf.ones_like(variable))
    own = model.get_weights()
    with pytest.raises(KeyboardInterrupt), average.in_place():
        raise KeyboardInterrupt
    for expected, found in zip(own, model.get_weights(), strict=True):
        assert np.array_equal(expected, found)
