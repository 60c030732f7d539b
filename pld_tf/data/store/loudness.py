"""Find where a clip is loudest, from the energy of its 10 ms blocks. NumPy only."""

from collections.abc import Iterator

import numpy as np

BLOCK_MS = 10
WORD_MS = 200
LEAST_RISE_DB = 3.0  # half a percent of Speech Commands: hum, or noise louder than the word
SILENT_RMS = 70.7  # of 32,768: a tone with a peak of 100
# Clips that are worked on at a time: sums need float64, which would take 1.6 GB for a million.
_ROWS = 4096


def block_energies(samples: np.ndarray, block_samples: int) -> np.ndarray:
    """Energy of each whole block.

    Args:
      samples: int16 [num_samples].
      block_samples: samples per block.

    Returns:
      float32 [num_samples // block_samples], sums of squares.
    """
    whole = len(samples) // block_samples * block_samples
    blocks = samples[:whole].astype(np.float64).reshape(-1, block_samples)
    return np.square(blocks).sum(axis=1).astype(np.float32)


def word_levels_db(energies: np.ndarray, block_samples: int) -> np.ndarray:
    """Level of the loudest 200 ms of each clip, in dB of full scale.

    Args:
      energies: [clips, blocks], from `block_energies`; a shorter clip counts as a whole.
      block_samples: samples of a block.

    Returns:
      float64 [clips]. Digital silence is finite.

    >>> word_levels_db(np.full((1, 100), 160 * 3277.0**2), 160).round(1).tolist()
    [-20.0]
    """
    blocks = min(WORD_MS // BLOCK_MS, energies.shape[1])
    loudest = _word_energy(energies) * blocks
    return 10 * np.log10((loudest + 1) / (blocks * block_samples * 32768.0**2))


def loudest_start_ms(energies: np.ndarray, length_ms: int) -> np.ndarray:
    """Start of the part of `length_ms` with the most energy, on the 10 ms grid.

    Of equally loud parts, the one nearest the middle counts. So a silent clip is cut at its centre.

    Args:
      energies: float32 [clips, blocks].
      length_ms: a multiple of 10, at most `blocks` * 10.

    Returns:
      int32 [clips].

    >>> loudest_start_ms(np.array([[0, 0, 5, 0], [0, 0, 0, 0]], np.float32), 20).tolist()
    [10, 10]
    """
    starts = energies.shape[1] - length_ms // BLOCK_MS + 1
    off_centre = np.abs(np.arange(starts) - (starts - 1) / 2)
    order = np.argsort(off_centre, kind="stable")
    loudest = [order[np.argmax(_sums(rows, starts)[:, order], axis=1)] for rows in _parts(energies)]
    return (np.concatenate(loudest) * BLOCK_MS).astype(np.int32)


def rise_db(energies: np.ndarray) -> np.ndarray:
    """How far the loudest 200 ms of a clip stand out of its quietest tenth, in decibels.

    A word stands out by 15 dB and more. Noise alone stands out by a few.

    Args:
      energies: float32 [clips, blocks], from `block_energies`.

    Returns:
      float64 [clips]. Digital silence has 0.

    >>> rise_db(np.array([[1e3] * 70 + [1e6] * 30, [1e4] * 100])).round().tolist()
    [30.0, 0.0]
    """
    if not energies.shape[1]:
        return np.zeros(len(energies))
    quiet = np.percentile(energies, 10, axis=1)
    # One unit of energy keeps the level of digital silence finite.
    return 10 * np.log10((_word_energy(energies) + 1) / (quiet + 1))


def without_word(energies: np.ndarray, block_samples: int) -> np.ndarray:
    """Whether clips are silent, or as loud throughout: bool [clips].

    Args:
      energies: float32 [clips, blocks], from `block_energies`.
      block_samples: samples per block.
    """
    silent = energies.max(axis=1, initial=0) < SILENT_RMS**2 * block_samples
    return silent | (rise_db(energies) < LEAST_RISE_DB)


def word_levels(energies: np.ndarray, block_samples: int) -> np.ndarray:
    """Level of each clip's word: the RMS of its loudest 200 ms, float32 [clips].

    Args:
      energies: float32 [clips, blocks], from `block_energies`.
      block_samples: samples per block.

    >>> word_levels(np.array([[0.0] * 70 + [400.0] * 30]), 4).tolist()
    [10.0]
    """
    return np.sqrt(_word_energy(energies) / block_samples).astype(np.float32)


def speech_so_far(energies: np.ndarray) -> np.ndarray:
    """Share of a clip's speech that lies before each block's start.

    Speech is the energy above the clip's quietest fifth.

    Args:
      energies: float32 [clips, blocks], from `block_energies`.

    Returns:
      float32 [clips, blocks + 1], rising from 0 to 1; all 0 in a clip without speech.

    >>> speech_so_far(np.array([[1.0, 1.0, 4.0, 2.0, 1.0]])).round(2).tolist()
    [[0.0, 0.0, 0.0, 0.75, 1.0, 1.0]]
    """

    return np.concatenate([_shares(rows) for rows in _parts(energies)])


def _word_energy(energies: np.ndarray) -> np.ndarray:
    """Mean energy of the blocks of each clip's loudest 200 ms, float64 [clips]."""
    blocks = min(WORD_MS // BLOCK_MS, energies.shape[1])
    starts = energies.shape[1] - blocks + 1
    parts = [_sums(rows, starts).max(axis=1, initial=0) for rows in _parts(energies)]
    return np.concatenate(parts) / blocks


def _parts(energies: np.ndarray) -> Iterator[np.ndarray]:
    """The energies, some rows at a time."""
    return (energies[first : first + _ROWS] for first in range(0, max(1, len(energies)), _ROWS))


def _sums(energies: np.ndarray, starts: int) -> np.ndarray:
    """Energy of equally long parts of each clip, float64 [clips, starts]."""
    total = np.cumsum(np.pad(energies.astype(np.float64), ((0, 0), (1, 0))), axis=1)
    return total[:, -starts:] - total[:, :starts]


def _shares(energies: np.ndarray) -> np.ndarray:
    quiet = np.quantile(energies, 0.2, axis=1, keepdims=True)
    total = np.cumsum(np.maximum(energies - quiet, 0), axis=1)
    shares = total / np.maximum(total[:, -1:], np.finfo(np.float32).tiny)
    return np.pad(shares, ((0, 0), (1, 0))).astype(np.float32)
