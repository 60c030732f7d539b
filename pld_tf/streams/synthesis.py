"""Streams made of a corpus' clips and noise, with known word times. NumPy only."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pld_tf.data.corpus.classes import Classes, require_keyword_clips
from pld_tf.data.store.clip import read_clip
from pld_tf.data.store.loudness import BLOCK_MS, speech_so_far
from pld_tf.data.store.packed import Store
from pld_tf.features.spec import CLIP_MS
from pld_tf.streams.detections import Spoken

KEYWORD_SHARE = 0.5  # of the words; the other words must not fire
PAUSE_S = (0.3, 1.5)  # shortest and longest pause before a word
LONG_PAUSE_SHARE = 0.05
LONG_PAUSE_S = (3.0, 8.0)
FADE_MS = 10  # keeps a clip's own noise from starting with a click
# A word's sound lies between these shares of its clip's energy.
WORD_EDGES = (0.02, 0.98)


@dataclass(frozen=True, kw_only=True)
class StreamParts:
    """What streams are made of.

    Attributes:
      store, split: where the clips lie.
      classes: give the words that fire.
      noise_volume: loudest background under words, as a share of the recorded noise.
      left_out: bool [clips of the split], clips that are not used; None uses all.
    """

    store: Store
    split: str
    classes: Classes
    noise_volume: float
    left_out: np.ndarray | None = None

    def clip_words(self) -> np.ndarray:
        """Word of each clip of the split, int32; -1 for a clip that is not used."""
        words = self.store.splits[self.split].words
        return words if self.left_out is None else np.where(self.left_out, -1, words)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The next samples of a stream, int16, and the word in them, if any.

    `recording` is the path of the word's clip in its corpus.
    """

    samples: np.ndarray
    spoken: Spoken | None
    recording: str | None = None


def stream(parts: StreamParts, *, seconds: float, seed: int) -> Iterator[Piece]:
    """Words with pauses between them, over noise that never stops.

    Half of the words are keywords, each equally often. The others are the corpus' other words. A
    word's clips come in a random order, drawn again when all are used. Sometimes no word is spoken
    for seconds, and noise may be as loud as recorded. The same seed gives the same stream.

    Args:
      parts: of one split.
      seconds: length of the stream; a word that no longer fits is left out.
      seed: of all draws.

    Raises:
      PldError: no keyword has a clip in the split, or the packed corpus is damaged.
    """
    rate = parts.store.sample_rate_hz
    rng = np.random.Generator(np.random.PCG64(seed))
    words = _Words(parts, rng)
    background = _Background(parts.store.noise(parts.split), rng)
    total = round(seconds * rate)
    done = 0
    while done < total:
        is_long = rng.random() < LONG_PAUSE_SHARE
        pause = round(rng.uniform(*(LONG_PAUSE_S if is_long else PAUSE_S)) * rate)
        volume = rng.random() * (1.0 if is_long else parts.noise_volume)
        clip, word, recording = (np.zeros(0), None, None) if is_long else words.next()
        if done + pause + len(clip) > total:
            pause, clip, word, recording = total - done, np.zeros(0), None, None
        samples = background.next(pause + len(clip), volume)
        samples[pause:] += clip
        start_s = (done + pause) / rate
        yield Piece(
            samples=np.clip(np.rint(samples), -32768, 32767).astype(np.int16),
            spoken=word and moved(word, start_s),
            recording=recording,
        )
        done += len(samples)


def moved(word: Spoken, by_s: float) -> Spoken:
    return Spoken(word=word.word, start_s=word.start_s + by_s, end_s=word.end_s + by_s)


class _Words:
    """Draws one clip after another."""

    def __init__(self, parts: StreamParts, rng: np.random.Generator) -> None:
        self._index = parts.store.splits[parts.split]
        self._names = parts.store.words
        self._rate = parts.store.sample_rate_hz
        self._rng = rng
        self._words = parts.clip_words()
        used = self._words[self._words >= 0]
        counts = np.bincount(used, minlength=len(self._names))
        require_keyword_clips(parts.classes, counts, parts.split)
        self._edges = word_edges(self._index.energies)
        of_word = parts.classes.of_word
        has_clips = counts > 0
        unknown = parts.classes.unknown_class
        self._keywords = np.flatnonzero(has_clips & (of_word >= 0) & (of_word < unknown))
        self._others = np.flatnonzero(has_clips & (of_word == unknown))
        self._left: dict[int, list[int]] = {}

    def next(self) -> tuple[np.ndarray, Spoken, str]:
        """A clip's samples, float64 with faded edges, its word as if it began at 0, its path."""
        is_keyword = self._rng.random() < KEYWORD_SHARE or not len(self._others)
        word = int(self._rng.choice(self._keywords if is_keyword else self._others))
        if not self._left.get(word):
            clips = np.flatnonzero(self._words == word)
            self._left[word] = self._rng.permutation(clips).tolist()
        clip = self._left[word].pop()
        start, end = self._edges[clip].tolist()
        name = self._names[word]
        samples = faded(read_clip(self._index, clip, self._rate), self._rate * FADE_MS // 1000)
        recording = self._index.paths[clip].decode()
        return samples, Spoken(word=name, start_s=start, end_s=end), recording


class _Background:
    """Endless noise, whose volume changes gradually over each piece."""

    def __init__(self, noise: np.ndarray, rng: np.random.Generator) -> None:
        self._noise = noise
        self._at = int(rng.integers(len(noise)))
        self._volume = 0.0

    def next(self, count: int, volume: float) -> np.ndarray:
        places = (self._at + np.arange(count)) % len(self._noise)
        volumes = np.linspace(self._volume, volume, count, endpoint=False)
        self._at = (self._at + count) % len(self._noise)
        self._volume = volume
        return self._noise[places] * volumes


def word_edges(energies: np.ndarray) -> np.ndarray:
    """Start and end of each clip's speech in s, float64 [clips, 2]; the whole clip for silence."""
    so_far = speech_so_far(energies)[:, 1:]
    block_s = BLOCK_MS / 1000
    low, high = WORD_EDGES
    starts = (so_far < low).sum(axis=1) * block_s
    ends = np.minimum((so_far < high).sum(axis=1) + 1, energies.shape[1]) * block_s
    silent = so_far[:, -1] == 0
    return np.stack([np.where(silent, 0.0, starts), np.where(silent, CLIP_MS / 1000, ends)], axis=1)


def faded(clip: np.ndarray, fade: int) -> np.ndarray:
    faded = clip.astype(np.float64)
    ramp = np.arange(fade) / max(1, fade)
    faded[:fade] *= ramp
    faded[len(faded) - fade :] *= ramp[::-1]
    return faded
