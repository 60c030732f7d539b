"""A folded network says what the plain one says, with fewer layers that work."""

import numpy as np
import pytest
import tf_keras
from trained_students import crops, network

from pld_tf.models.layers.folded import with_folded_norms
from pld_tf.models.names import SIZES

layers = tf_keras.layers


def norms(model: tf_keras.Model) -> int:
    return sum(type(layer) is layers.BatchNormalization for layer in model.layers)


@pytest.mark.parametrize("family", [family for family in SIZES if family != "lstm"])
def test_every_family_says_the_same_within_a_millionth(family):
    """Trained logits are larger; then the millionth is of the largest."""
    plain = network(family, SIZES[family][0])
    before = plain.get_weights()
    folded = with_folded_norms(plain)
    expected = plain(crops(), training=False).numpy()
    most = 1e-6 * max(1, np.abs(expected).max())
    np.testing.assert_allclose(folded(crops(), training=False), expected, rtol=0, atol=most)
    assert norms(plain) > 0
    assert norms(folded) == 0
    assert all(map(np.array_equal, before, plain.get_weights()))


def test_a_norm_stays_where_others_read_the_convolution_or_it_has_an_activation():
    features = layers.Input((8, 4, 1))
    read_twice = layers.Conv2D(3, 3, padding="same")(features)
    active = layers.Conv2D(3, 3, padding="same", activation="relu")(features)
    after = [layers.BatchNormalization()(each) for each in (read_twice, active)]
    model = tf_keras.Model(features, layers.Add()([read_twice, *after]))
    assert with_folded_norms(model) is model


def test_worked_kernel_and_bias_of_a_convolution_with_a_bias():
    """(2 x + 1 - 3) * 4 / sqrt(3 + 1) + 5 = 4 x + 1."""
    features = layers.Input((1, 1, 1))
    convolution = layers.Conv2D(1, 1)
    norm = layers.BatchNormalization(epsilon=1.0)
    model = tf_keras.Model(features, norm(convolution(features)))
    convolution.set_weights([np.full((1, 1, 1, 1), 2.0), np.array([1.0])])
    norm.set_weights([np.array([4.0]), np.array([5.0]), np.array([3.0]), np.array([3.0])])
    kernel, bias = with_folded_norms(model).get_weights()
    assert (kernel.item(), bias.item()) == (4.0, 1.0)
