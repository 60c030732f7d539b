"""The loudest part of a clip: worked values and an obvious search."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pld_tf.data.loudness import block_energies, loudest_start_ms

# Whole numbers: sums are exact, so that ties are ties in the oracle too.
ENERGIES = hnp.arrays(np.float32, (3, 20), elements=st.integers(0, 5).map(float))


def test_worked_energies_drop_the_rest_of_a_block():
    energies = block_energies(np.array([1, -2, 3, 0, 9], np.int16), 2)
    assert energies.dtype == np.float32
    assert energies.tolist() == [5.0, 9.0]


def test_the_loudest_int16_overflows_nothing():
    assert block_energies(np.full(160, -32768, np.int16), 160).tolist() == [160 * 2.0**30]


def test_worked_start():
    assert loudest_start_ms(np.array([[1, 0, 4, 3, 1]], np.float32), 20).tolist() == [20]


def test_a_part_as_long_as_the_clip_starts_with_it():
    assert loudest_start_ms(np.ones((2, 100), np.float32), 1000).tolist() == [0, 0]


def test_a_silent_clip_is_cut_in_its_middle():
    assert loudest_start_ms(np.zeros((1, 100), np.float32), 500).tolist() == [250]


def test_equally_loud_parts_at_the_edges_lose_to_one_further_in():
    energies = np.zeros((1, 10), np.float32)
    energies[0, [0, 3, 9]] = 7
    assert loudest_start_ms(energies, 10).tolist() == [30]


@given(energies=ENERGIES, blocks=st.integers(1, 20))
def test_the_start_is_the_loudest_then_the_most_central(energies, blocks):
    starts = loudest_start_ms(energies, 10 * blocks)
    middle = (20 - blocks) / 2
    for row, start_ms in zip(energies, starts, strict=True):
        ranked = [(-row[s : s + blocks].sum(), abs(s - middle), s) for s in range(21 - blocks)]
        assert start_ms == 10 * min(ranked)[2]
