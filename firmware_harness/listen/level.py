"""Compares how loud a stream is with the words of the training. Says it once where it differs."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

BLOCK_MS = 10
WORD_MS = 200
SECOND_MS = 1000
FULL_SCALE = 32768
# Seconds so far below the loudest one are pauses.
PAUSE_DB = 20
# Words differ by so much among themselves, so one word tells less than several.
SEVERAL = 3
MUCH_DB, MUCH_FOR_FEW_DB = 10, 20
FIRST_SECONDS = 10  # of a live stream, before it is judged

Samples = NDArray[np.int16]


def word_level_db(samples: Samples, sample_rate_hz: int) -> float:
    """Level of the loudest 200 ms, in dB of full scale: as loud as a word in it, if any.

    Args:
      samples: at least 200 ms.
      sample_rate_hz: of the samples.
    """
    block = sample_rate_hz * BLOCK_MS // 1000
    whole = len(samples) // block * block
    energies = np.square(samples[:whole].astype(np.float64)).reshape(-1, block).sum(axis=1)
    total = np.cumsum(np.pad(energies, (1, 0)))
    blocks = WORD_MS // BLOCK_MS
    loudest = float((total[blocks:] - total[:-blocks]).max())
    # One unit of energy keeps the level of digital silence finite.
    return 10 * float(np.log10((loudest + 1) / (blocks * block * FULL_SCALE**2)))


class LevelWatch:
    """Listens to how loud a stream is.

    Args:
      trained_db: median level of the words of the training; None if the bundle does not say.
      sample_rate_hz: of the stream.
      say: called at most once, with a line.
    """

    def __init__(
        self, trained_db: float | None, sample_rate_hz: int, say: Callable[[str], None]
    ) -> None:
        self._trained_db = trained_db
        self._rate = sample_rate_hz
        self._say = say
        self._rest: Samples = np.zeros(0, np.int16)
        self._levels: list[float] = []

    def add(self, samples: Samples) -> None:
        """The next samples."""
        if self._trained_db is None:
            return
        second = self._rate * SECOND_MS // 1000
        heard = np.concatenate([self._rest, samples])
        for start in range(0, len(heard) - second + 1, second):
            self._levels.append(word_level_db(heard[start : start + second], self._rate))
            if len(self._levels) == FIRST_SECONDS:
                self._judge()
        self._rest = heard[len(heard) // second * second :]

    def end(self) -> None:
        """The stream has ended."""
        if self._trained_db is None:
            return
        if not self._levels and len(self._rest) * 1000 >= self._rate * WORD_MS:
            self._levels.append(word_level_db(self._rest, self._rate))
        if 0 < len(self._levels) < FIRST_SECONDS:
            self._judge()

    def _judge(self) -> None:
        if self._trained_db is not None and (line := level_line(self._levels, self._trained_db)):
            self._trained_db = None
            self._say(line)


def level_line(levels_db: list[float], trained_db: float) -> str | None:
    """What to say of the seconds of a stream; None where they are about as loud as the training.

    >>> level_line([-35.0, -34.0, -90.0, -36.0], -20.0)[:56]
    'the words of the input are 15 dB quieter than those that'
    """
    loud = [level for level in levels_db if level >= max(levels_db) - PAUSE_DB]
    difference = float(np.median(loud)) - trained_db
    if abs(difference) < (MUCH_DB if len(loud) >= SEVERAL else MUCH_FOR_FEW_DB):
        return None
    how, way_out = (
        ("quieter", "Give more gain; if nobody spoke, all is well.")
        if difference < 0
        else ("louder", "Give less gain.")
    )
    return (
        f"the words of the input are {abs(difference):.0f} dB {how} than those that the model was "
        f"trained on ({trained_db:.0f} dB of full scale), so it misses more of them. {way_out}"
    )
