"""Inputs at the edges of a layer's roundings, against a search through all sums."""

import numpy as np
import pytest

from export.c_code.model.requantize import Multiplier, multiplier
from export.c_code.model.sums import Sums, edge_inputs, nearest_edges

TAPS, CHANNELS, COUNT = 20, 3, 200


@pytest.fixture
def sums() -> Sums:
    rng = np.random.default_rng(0)
    return Sums(
        weights=rng.integers(-127, 128, (CHANNELS, TAPS)).astype(np.int8),
        places=np.where(np.arange(TAPS) % 7 == 3, -1, np.arange(TAPS) * 2)[None],
        biases=[1000, -70, 0],
        multipliers=[multiplier(factor) for factor in (0.001234, 0.0021, 0.00077)],
        input_zero=-3,
        output_zero=5,
    )


def output(factor: Multiplier, total: int, zero: int) -> int:
    return min(max(factor.apply(total) + zero, -128), 127)


def test_next_to_each_edge_the_output_goes_up_by_one(sums):
    channels, totals = nearest_edges(sums, 10_000)
    assert len(totals) > 300
    for channel, total in zip(channels.tolist(), totals.tolist(), strict=True):
        factor, bias = sums.multipliers[channel], sums.biases[channel]
        around = [output(factor, bias + total + step, 5) for step in (-1, 0, 1)]
        assert around[2] == around[0] + 1


def test_the_nearest_edges_tell_a_multiplier_from_its_neighbours():
    """Of all sums of a channel, the nearest edge is the first that a small change moves."""
    factor = multiplier(0.021)
    one = Sums(
        weights=np.array([[1, 20]], np.int8), places=np.array([[0, 1]]), biases=[0],
        multipliers=[factor], input_zero=0, output_zero=0,
    )  # fmt: skip
    (_,), (nearest,) = nearest_edges(one, 1)
    steps = 1
    while True:
        nudged = [Multiplier(value=factor.value + s * steps, shift=factor.shift) for s in (1, -1)]
        moved = [
            total
            for total in range(-128 * 21, 127 * 21 + 1)
            if any(output(each, total, 0) != output(factor, total, 0) for each in nudged)
        ]
        if moved:
            break
        steps *= 2
    assert nearest in moved


def test_inputs_reach_the_sums_and_leave_the_padding_alone(sums):
    made = edge_inputs(sums, 2 * TAPS, COUNT, np.random.default_rng(1))
    assert len(made) == COUNT
    _, totals = nearest_edges(sums, COUNT)
    taps = np.where(sums.places < 0, sums.input_zero, made[:, sums.places[0]])
    reached = taps.astype(int) @ sums.weights.T.astype(int)
    assert all(total in row for total, row in zip(totals.tolist(), reached.tolist(), strict=True))


def test_a_layer_without_edges_has_no_inputs_for_them(sums):
    dead = Sums(**{**vars(sums), "multipliers": [Multiplier(value=0, shift=0)] * CHANNELS})
    assert edge_inputs(dead, 2 * TAPS, COUNT, np.random.default_rng(1)).shape == (0, 2 * TAPS)
