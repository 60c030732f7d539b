"""Faults of one recording, found in its samples. NumPy only."""

from collections.abc import Iterator

import numpy as np

from pld_tf.data.store.loudness import BLOCK_MS, WORD_MS, block_energies

SHORT_MS = 500  # the shortest crop of the usual ladder
NEAR_SILENT_PEAK = 100  # of 32768
CLIPPED_SHARE = 0.001  # of all samples, at full scale
CLIPPED_RUN = 8  # samples at full scale in a row
EDGE_MS = 20
CUT_OFF_DB = 6  # a cut edge is at most this much below the loudest WORD_MS
OVER_QUIET_DB = 15  # and at least this much above the quietest tenth; else all is noise
_FULL_SCALE = (-32768, 32767)

Fault = tuple[str, str]  # reason and detail


def sound_faults(samples: np.ndarray, sample_rate_hz: int, *, short_ms: int) -> Iterator[Fault]:
    """Reasons to doubt a recording, with what was measured.

    Args:
      samples: int16 [num_samples], as recorded; resampling would hide clipping.
      sample_rate_hz: of the samples.
      short_ms: a shorter clip is `short`.
    """
    length_ms = 1000 * len(samples) / sample_rate_hz
    if length_ms < short_ms:
        yield "short", f"{length_ms:.0f} ms"
    peak = int(np.abs(samples.astype(np.int32)).max())
    if peak < NEAR_SILENT_PEAK:
        yield "near_silent", f"peak {peak} of 32768"
        return
    at_limit = (samples == _FULL_SCALE[0]) | (samples == _FULL_SCALE[1])
    if at_limit.any() and (detail := _clipping(at_limit)):
        yield "clipped", detail
    energies = block_energies(samples, sample_rate_hz * BLOCK_MS // 1000)
    if sides := cut_sides(energies.astype(np.float64)):
        yield "cut_off", " and ".join(sides)


def _clipping(at_limit: np.ndarray) -> str:
    """A text on what is clipped; empty if it is only a peak or two."""
    share, run = float(at_limit.mean()), longest_run(at_limit)
    if share < CLIPPED_SHARE and run < CLIPPED_RUN:
        return ""
    return f"{100 * share:.2f} % of samples at full scale, up to {run} in a row"


def longest_run(flags: np.ndarray) -> int:
    """Length of the longest unbroken run of True.

    >>> longest_run(np.array([True, False, True, True, False]))
    2
    """
    edges = np.diff(np.pad(flags.astype(np.int8), 1))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return int((ends - starts).max(initial=0))


def cut_sides(energies: np.ndarray) -> list[str]:
    """The ends at which a word seems to be cut off, and how far each is below the word's level.

    A word rises out of its surroundings and falls back. If an end is nearly as loud as the word,
    and the clip is quiet elsewhere, the word was cut.

    Args:
      energies: float64 [blocks], energy of each 10 ms.

    >>> cut_sides(np.array([1e9] * 30 + [1e3] * 70))
    ['start 0 dB below the word']
    """
    edge, word = EDGE_MS // BLOCK_MS, WORD_MS // BLOCK_MS
    if len(energies) < 2 * edge:
        return []
    total = np.cumsum(np.pad(energies, (1, 0)))
    blocks = min(word, len(energies))
    loudest = (total[blocks:] - total[:-blocks]).max() / blocks
    quiet = float(np.percentile(energies, 10))
    sides = []
    for side, level in (("start", energies[:edge].mean()), ("end", energies[-edge:].mean())):
        below, above = _decibels(loudest, level), _decibels(level, quiet)
        if below <= CUT_OFF_DB and above >= OVER_QUIET_DB:
            sides.append(f"{side} {max(0.0, below):.0f} dB below the word")
    return sides


def _decibels(energy: float, other: float) -> float:
    # One unit of energy keeps the level of digital silence finite.
    return 10 * float(np.log10((energy + 1) / (other + 1)))
