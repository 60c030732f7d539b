import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pld_tf.data.negatives.pieces import PAUSE, SOUND, cut_pieces, joined

RATE = 1000


@given(samples=st.integers(1, 7 * RATE))
def test_pieces_joined_are_the_recording_but_for_less_than_half_a_second(samples):
    recording = np.arange(1, samples + 1, dtype=np.int16)
    again = joined(cut_pieces(recording, RATE, is_noise=False).samples)
    kept = min(len(again), samples)
    np.testing.assert_array_equal(again[:kept], recording[:kept])
    assert not again[kept:].any()
    assert samples - kept < RATE // 2


def test_a_pause_is_a_piece_far_below_the_loud_parts_of_its_recording():
    loud, quiet = np.full(3 * RATE, 8000, np.int16), np.full(2 * RATE, 100, np.int16)
    kinds = cut_pieces(np.concatenate([loud, quiet]), RATE, is_noise=False).kinds
    # Pieces at 0, 0.5, ... 4 s; those from 3 s on hold nothing loud.
    assert kinds.tolist() == [SOUND] * 6 + [PAUSE] * 3


def test_a_quiet_recording_is_no_pause_but_silence_is():
    quiet = cut_pieces(np.full(2 * RATE, 100, np.int16), RATE, is_noise=False)
    silent = cut_pieces(np.zeros(2 * RATE, np.int16), RATE, is_noise=False)
    assert (quiet.kinds.tolist(), silent.kinds.tolist()) == ([SOUND] * 3, [PAUSE] * 3)


def test_all_of_a_recording_of_noise_is_pause():
    pieces = cut_pieces(np.full(2 * RATE, 8000, np.int16), RATE, is_noise=True)
    assert pieces.kinds.tolist() == [PAUSE] * 3


def test_pieces_have_the_energies_of_their_blocks():
    recording = np.repeat(np.arange(1, 201, dtype=np.int16), 10)  # a value for each 10 ms
    pieces = cut_pieces(recording, RATE, is_noise=False)
    np.testing.assert_array_equal(pieces.energies[1], 10 * np.arange(51.0, 151.0) ** 2)
