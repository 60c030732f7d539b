"""The loudest part of a clip: worked values and an obvious search."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pld_tf.data.store import loudness
from pld_tf.data.store.loudness import block_energies, loudest_start_ms, speech_so_far

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


def test_worked_speech_so_far():
    """The quietest fifth of five blocks is 1; above it lie 0, 3, 0, 1 and 0."""
    found = speech_so_far(np.array([[1, 4, 1, 2, 1]], np.float32))
    assert found.dtype == np.float32
    assert found.tolist() == [[0.0, 0.0, 0.75, 0.75, 1.0, 1.0]]


def test_the_level_of_a_clip_is_what_a_fifth_of_it_does_not_reach():
    """Of eleven blocks the third quietest is 1; of the eight above it each holds an eighth."""
    energies = np.array([[1] * 3 + [5] * 8], np.float32)
    eighths = [number / 8 for number in range(9)]
    assert speech_so_far(energies)[0].tolist() == [0.0] * 3 + eighths


def test_a_clip_of_one_level_has_no_speech():
    assert not speech_so_far(np.array([[0.0] * 5, [7.0] * 5], np.float32)).any()


@given(energies=ENERGIES)
def test_speech_so_far_rises_to_1_where_there_is_any(energies):
    found = speech_so_far(energies)
    assert found.shape == (3, 21)
    assert (np.diff(found, axis=1) >= 0).all()
    assert not found[:, 0].any()
    spoken = (energies > np.quantile(energies, 0.2, axis=1, keepdims=True)).any(axis=1)
    np.testing.assert_allclose(found[:, -1], spoken, atol=1e-6)


@given(energies=ENERGIES, level=st.integers(1, 9))
def test_a_louder_clip_has_its_speech_at_the_same_place(energies, level):
    np.testing.assert_allclose(speech_so_far(energies * level), speech_so_far(energies), atol=1e-5)


@pytest.mark.parametrize("work", [lambda rows: loudest_start_ms(rows, 500), speech_so_far])
def test_rows_worked_on_in_parts_give_what_they_give_at_once(monkeypatch, work):
    energies = np.random.default_rng(0).random((10, 100), np.float32)
    whole = work(energies)
    monkeypatch.setattr(loudness, "_ROWS", 4)
    assert np.array_equal(work(energies), whole)


@pytest.mark.parametrize("work", [lambda rows: loudest_start_ms(rows, 500), speech_so_far])
def test_many_clips_take_little_memory_beside_what_is_asked(work):
    energies = np.ones((40_000, 100), np.float32)
    tracemalloc.start()
    found = work(energies)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most - 2 * found.nbytes < energies.nbytes
