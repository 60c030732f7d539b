"""Words of new speakers as a device meets them: in noise, in rooms, quiet, in a row. NumPy only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from pld_tf.data.rooms import room_responses
from pld_tf.data.store.clip import read_clip
from pld_tf.data.store.loudness import BLOCK_MS, word_levels
from pld_tf.errors import PldError
from pld_tf.streams.detections import Spoken
from pld_tf.streams.synthesis import FADE_MS, Piece, StreamParts, faded, moved, word_edges

PAUSE_S = (0.6, 1.2)  # before a word: no detection of one word reaches the next
USUAL_PIECE_S = 2.0  # a word with its pause
BETWEEN_S = 0.15  # between two words in a row
_TAIL_S = 0.4  # of a room after the clip
_ROOMS_SEED, _ROOMS = 1, 32  # other rooms than those of the training


@dataclass(frozen=True, kw_only=True)
class Condition:
    """How words are heard.

    Attributes:
      name: as reports tell it.
      snr_db: least and greatest level of a word over the noise around it.
      gain_db: change of the level of word and noise together.
      room_share: share of words that are heard in a room.
      over: the sound around the words: noise, or sound of `_negatives_`.
      pairs: words come in twos, one right after the other.
    """

    name: str
    snr_db: tuple[float, float]
    gain_db: float = 0.0
    room_share: float = 0.0
    over: str = "noise"
    pairs: bool = False


def _at(snr_db: float) -> tuple[float, float]:
    return (snr_db, snr_db)


CONDITIONS = (
    *(Condition(name=f"noise at {db} dB", snr_db=_at(db)) for db in (40, 20, 10, 5, 0)),
    Condition(name="in a room, noise at 20 dB", snr_db=_at(20), room_share=1.0),
    Condition(name="12 dB quieter", snr_db=_at(40), gain_db=-12.0),
    Condition(name="12 dB louder", snr_db=_at(40), gain_db=12.0),
    Condition(name="two words in a row", snr_db=_at(40), pairs=True),
    *(Condition(name=f"over speech at {db} dB", snr_db=_at(db), over="speech") for db in (20, 10)),
)
# What thresholds are chosen on.
TUNED = Condition(name="noise and rooms", snr_db=(5.0, 40.0), room_share=0.3)


def named(name: str) -> Condition:
    """A condition of the list.

    Raises:
      PldError: there is none of that name.
    """
    names = [one.name for one in CONDITIONS]
    if name not in names:
        raise PldError(f"--condition must be one of {', '.join(map(repr, names))}; got {name!r}.")
    return CONDITIONS[names.index(name)]


@dataclass(frozen=True, kw_only=True)
class Words:
    """The keyword clips that are spoken in a condition.

    Attributes:
      parts: gives the clips, and the noise.
      speech: int16 [samples], sound to lie under words where a condition asks for speech.
      most_per_word: clips of each keyword; 0 for all.
      seed: of all draws.
    """

    parts: StreamParts
    speech: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int16))
    most_per_word: int = 0
    seed: int = 0

    def clips(self) -> np.ndarray:
        """The clips, in the order in which they are spoken."""
        rng = np.random.Generator(np.random.PCG64(self.seed))
        words, of_word = self.parts.clip_words(), self.parts.classes.of_word
        chosen: list[int] = []
        for word in np.flatnonzero((of_word >= 0) & (of_word < self.parts.classes.unknown_class)):
            clips = rng.permutation(np.flatnonzero(words == word)).tolist()
            chosen += clips[: self.most_per_word or None]
        return rng.permutation(np.array(chosen, np.int64))


def spoken_words(words: Words, condition: Condition) -> Iterator[Piece]:
    """The clips one after the other under a condition, with pauses between them.

    The same seed gives the same clips and the same pauses under each condition.
    """
    place = 0
    clips = words.clips()
    drawn = _Drawn(words, condition)
    groups = clips.reshape(-1) if not condition.pairs else clips[: len(clips) // 2 * 2]
    for number, clip in enumerate(groups.tolist()):
        follows = condition.pairs and number % 2 == 1
        piece = drawn.piece(clip, leads=condition.pairs and not follows, follows=follows)
        spoken = piece.spoken and moved(piece.spoken, place / words.parts.store.sample_rate_hz)
        yield Piece(samples=piece.samples, spoken=spoken, recording=piece.recording)
        place += len(piece.samples)


def up_to(pieces: Iterable[Piece], samples: int) -> Iterator[Piece]:
    """The first pieces, no more than `samples` long together."""
    for piece in pieces:
        samples -= len(piece.samples)
        if samples < 0:
            return
        yield piece


class _Drawn:
    """Makes the pieces of a stream."""

    def __init__(self, words: Words, condition: Condition) -> None:
        self._condition = condition
        store, split = words.parts.store, words.parts.split
        self._index, self._rate = store.splits[split], store.sample_rate_hz
        self._names = store.words
        self._edges = word_edges(self._index.energies)
        self._levels = word_levels(self._index.energies, self._rate * BLOCK_MS // 1000)
        is_speech = condition.over == "speech" and len(words.speech) > 0
        self._noise = words.speech if is_speech else store.noise(split)
        self._rng = np.random.Generator(np.random.PCG64([words.seed, 1]))

    def piece(self, clip: int, *, leads: bool, follows: bool) -> Piece:
        """A pause and a word; `leads` ends with the word, `follows` begins with it."""
        rng, rate = self._rng, self._rate
        pause = 0 if follows else round(rng.uniform(*PAUSE_S) * rate)
        samples = faded(read_clip(self._index, clip, rate), rate * FADE_MS // 1000)
        start_s, end_s = self._edges[clip].tolist()
        if leads:
            samples = samples[: round((end_s + BETWEEN_S / 2) * rate)]
        if follows:
            first = max(0, round((start_s - BETWEEN_S / 2) * rate))
            samples, start_s, end_s = samples[first:], start_s - first / rate, end_s - first / rate
        samples = np.concatenate([np.zeros(pause), self._in_room(samples)])
        heard = samples + self._around(len(samples), float(self._levels[clip]))
        heard *= 10 ** (self._condition.gain_db / 20)
        name = self._names[int(self._index.words[clip])]
        return Piece(
            samples=np.clip(np.rint(heard), -32768, 32767).astype(np.int16),
            spoken=moved(Spoken(word=name, start_s=start_s, end_s=end_s), pause / rate),
            recording=self._index.paths[clip].decode(),
        )

    def _in_room(self, samples: np.ndarray) -> np.ndarray:
        room, chance = self._rng.integers(_ROOMS), self._rng.random()
        if chance >= self._condition.room_share:
            return samples
        response = room_responses(self._rate, seed=_ROOMS_SEED, rooms=_ROOMS)[room]
        kept = len(samples) + round(_TAIL_S * self._rate)
        size = len(samples) + len(response)
        heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[:kept]
        return np.pad(heard, (0, kept - len(heard)))

    def _around(self, count: int, word_level: float) -> np.ndarray:
        """Noise under a piece, at the condition's distance below the word."""
        first, chance = self._rng.integers(len(self._noise)), self._rng.random()
        places = (first + np.arange(count)) % len(self._noise)
        noise = self._noise[places].astype(np.float64)
        least, most = self._condition.snr_db
        below = 10 ** (-(least + (most - least) * chance) / 20)
        return noise * (word_level * below / max(1.0, float(np.sqrt(np.mean(noise**2)))))
