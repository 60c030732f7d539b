"""Find where a clip is loudest, from the energy of its 10 ms blocks. NumPy only."""

import numpy as np

BLOCK_MS = 10
WORD_MS = 200


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
    total = np.cumsum(np.pad(energies.astype(np.float64), ((0, 0), (1, 0))), axis=1)
    loudest = (total[:, blocks:] - total[:, :-blocks]).max(axis=1)
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
    blocks = length_ms // BLOCK_MS
    total = np.cumsum(np.pad(energies.astype(np.float64), ((0, 0), (1, 0))), axis=1)
    sums = total[:, blocks:] - total[:, :-blocks]
    off_centre = np.abs(np.arange(sums.shape[1]) - (sums.shape[1] - 1) / 2)
    order = np.argsort(off_centre, kind="stable")
    return (order[np.argmax(sums[:, order], axis=1)] * BLOCK_MS).astype(np.int32)


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
    quiet = np.quantile(energies, 0.2, axis=1, keepdims=True)
    total = np.cumsum(np.maximum(energies - quiet, 0), axis=1)
    shares = total / np.maximum(total[:, -1:], np.finfo(np.float32).tiny)
    return np.pad(shares, ((0, 0), (1, 0))).astype(np.float32)
