"""Inputs that bring out wrong bytes: which kinds there are, and that they repeat."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from export.parity.strong_inputs import strong_inputs


def made(shape, count, seed=0):
    return strong_inputs(shape, count, np.random.default_rng(seed))


@given(
    shape=st.tuples(st.just(1), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
    count=st.integers(1, 400),
)
def test_there_are_as_many_inputs_as_asked_and_they_repeat(shape, count):
    first, again = made(shape, count), made(shape, count)
    assert first.shape == (count, np.prod(shape))
    assert first.dtype == np.int8
    np.testing.assert_array_equal(first, again)


def test_every_value_comes_as_a_constant_input():
    inputs = made((1, 7), 2000)
    constant = inputs[(inputs == inputs[:, :1]).all(axis=1)]
    assert set(constant[:, 0].tolist()) == set(range(-128, 128))


def test_extremes_come_first():
    inputs = made((1, 3, 2, 4), 40).tolist()
    assert [-128] * 24 in inputs
    assert [127] * 24 in inputs
    assert [127, -128] * 12 in inputs  # from value to value
    assert ([127] * 4 + [-128] * 4) * 3 in inputs  # from pixel to pixel
    assert [-128, 127, -128, -128] * 6 in inputs  # one channel


def test_some_inputs_are_spikes():
    inputs = made((1, 50), 400)
    unlike = (inputs != np.median(inputs, axis=1, keepdims=True)).sum(axis=1)
    assert (unlike == 1).sum() > 20
