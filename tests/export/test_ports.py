from hypothesis import given
from hypothesis import strategies as st

from export.ports import arena_entry, with_margin


@given(st.integers(1, 1 << 26))
def test_the_margin_is_a_fifth_in_whole_kibibytes_and_less_than_one_more(arena_bytes):
    given = with_margin(arena_bytes)
    assert given % 1024 == 0
    assert 5 * given >= 6 * arena_bytes
    assert 5 * (given - 1024) < 6 * arena_bytes


def test_the_margin_covers_what_cmsis_nn_took_on_a_cortex_m55():
    """The MLPerf Tiny keyword model: 24,272 bytes here, 27,300 there (docs/formats.md)."""
    assert with_margin(24_272) >= 27_300


def test_an_arena_that_nobody_measured_is_none():
    assert arena_entry(None) is None


def test_the_entry_keeps_what_was_measured():
    measured = {"bytes": 1000, "head_bytes": 300, "tail_bytes": 600, "version": "1"}
    assert arena_entry(measured) == {**measured, "margin_percent": 20, "bytes_with_margin": 2048}
