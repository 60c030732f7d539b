"""Cut a recording into pieces of one second, and tell pauses from sound. NumPy only."""

from typing import NamedTuple

import numpy as np

from pld_tf.data.store.loudness import BLOCK_MS, block_energies, word_levels_db

# Pieces overlap by half, so that each crop of up to half a second lies in one of them.
PIECE_HOP_MS = 500
SOUND, PAUSE = 0, 1
KINDS = ("sound", "pause")
# A pause is this far below the loud parts of its recording, or below this level anyhow.
_PAUSE_BELOW_DB = 25.0
_SILENT_DB = -60.0
_LOUD_PERCENTILE = 90


class Pieces(NamedTuple):
    """The pieces of a recording.

    Attributes:
      samples: int16 [pieces, samples of a second].
      energies: float32 [pieces, 100], of each 10 ms.
      kinds: int32 [pieces], `SOUND` or `PAUSE`.
    """

    samples: np.ndarray
    energies: np.ndarray
    kinds: np.ndarray


def cut_pieces(recording: np.ndarray, rate: int, *, is_noise: bool) -> Pieces:
    """Pieces at each half second. A shorter recording is one piece, with zeros at its end.

    Args:
      recording: int16 [samples].
      rate: in Hz.
      is_noise: nobody speaks in it, so that all its pieces are pauses.
    """
    if len(recording) < rate:
        recording = np.pad(recording, (0, rate - len(recording)))
    hop = rate * PIECE_HOP_MS // 1000
    starts = range(0, len(recording) - rate + 1, hop)
    samples = np.stack([recording[start : start + rate] for start in starts])
    block = rate * BLOCK_MS // 1000
    energies = np.stack([block_energies(piece, block)[:100] for piece in samples])
    levels = word_levels_db(energies, block)
    quiet = max(_SILENT_DB, float(np.percentile(levels, _LOUD_PERCENTILE)) - _PAUSE_BELOW_DB)
    kinds = np.where(is_noise | (levels < quiet), PAUSE, SOUND).astype(np.int32)
    return Pieces(samples=samples, energies=energies, kinds=kinds)


def joined(pieces: np.ndarray) -> np.ndarray:
    """The recording that consecutive pieces [pieces, samples] were cut from, but for its end.

    >>> joined(np.array([[1, 2, 3, 4], [3, 4, 5, 6], [5, 6, 7, 8], [7, 8, 9, 10]])).tolist()
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    """
    half = pieces.shape[1] // 2
    return np.concatenate([*(piece[:half] for piece in pieces), pieces[-1, half:]])


def piece_paths(recording: str, pieces: int) -> np.ndarray:
    """Names of the pieces of a recording, bytes [pieces]: its path, `#`, their start in ms."""
    return np.array([f"{recording}#{place * PIECE_HOP_MS}".encode() for place in range(pieces)])


def recording_of(piece: bytes) -> bytes:
    """The recording of a piece, by the name of the piece.

    >>> [recording_of(piece) for piece in piece_paths("radio/#1.mp3", 2).tolist()]
    [b'radio/#1.mp3', b'radio/#1.mp3']
    """
    return piece.rpartition(b"#")[0]
