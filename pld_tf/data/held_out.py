"""Validation and test clips, and the crops that each protocol cuts from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pld_tf.data.corpus.classes import Classes, rank_within, require_keyword_clips, word_quotas
from pld_tf.data.corpus.recordings import count_recordings
from pld_tf.data.crop_places import fixed_starts_ms
from pld_tf.data.store.clip import read_clip
from pld_tf.data.store.loudness import BLOCK_MS, block_energies, loudest_start_ms
from pld_tf.data.store.packed import Store, clip_samples
from pld_tf.data.store.taken import taken_records
from pld_tf.recipe.tables import Protocol


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The clips of one split that are scored; always the same ones.

    Attributes:
      store, split: where the clips lie.
      clips: int64 [corpus clips], ascending positions in the split's index.
      labels: int32 [clips], corpus clips first, then silence.
      silence: int16 [silence clips, clip_samples].
      energies: float32 [clips, 100], in the order of `labels`.
    """

    store: Store
    split: str
    clips: np.ndarray
    labels: np.ndarray
    silence: np.ndarray
    energies: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def paths(self) -> np.ndarray:
        """Paths of the corpus clips, bytes [corpus clips]."""
        return self.store.splits[self.split].paths[self.clips]

    def loudest_ms(self, length_ms: int) -> np.ndarray:
        return loudest_start_ms(self.energies, length_ms)

    def recordings(self, classes: Classes) -> dict[str, Any]:
        """What is scored, without silence: see `count_recordings`."""
        paths = [path.decode() for path in self.store.splits[self.split].paths[self.clips]]
        return count_recordings(paths, classes.names[: classes.unknown_class])

    def starts_ms(self, protocol: Protocol, length_ms: int, *, seed: int = 0) -> np.ndarray:
        """Start of each crop, int32 [clips, crops]."""
        return fixed_starts_ms(
            protocol, length_ms=length_ms, loudest_ms=self.loudest_ms(length_ms), seed=seed
        )

    def crops(self, starts_ms: np.ndarray, length_ms: int) -> tf.data.Dataset:
        """Dataset of int16 [clips, crops, samples], in the order of `labels`."""
        rate = self.store.sample_rate_hz
        starts, length = starts_ms * rate // 1000, length_ms * rate // 1000
        spoken = len(self.clips)
        words = fixed_crops(
            self.store, self.split, clips=self.clips, starts=starts[:spoken], length=length
        )
        if not len(self.silence):
            return words
        cut = [
            np.stack([clip[start : start + length] for start in row])
            for clip, row in zip(self.silence, starts[spoken:], strict=True)
        ]
        return words.concatenate(tf.data.Dataset.from_tensor_slices(np.stack(cut)).batch(64))

    def some_crops(self, starts_ms: np.ndarray, length_ms: int, places: np.ndarray) -> np.ndarray:
        """The crops at some places among all that `crops` gives; reads their clips alone.

        Returns:
          int16 [places, samples].
        """
        clips, columns = np.divmod(places, starts_ms.shape[1])
        rate = self.store.sample_rate_hz
        starts, length = starts_ms[clips, columns] * rate // 1000, length_ms * rate // 1000
        cut = [
            self.samples(clip)[start : start + length]
            for clip, start in zip(clips, starts, strict=True)
        ]
        return np.stack(cut)

    def samples(self, clip: int) -> np.ndarray:
        """A whole clip, int16 [clip_samples]; counted in the order of `labels`."""
        spoken = len(self.clips)
        if clip >= spoken:
            return self.silence[clip - spoken]
        return read_clip(
            self.store.splits[self.split], int(self.clips[clip]), self.store.sample_rate_hz
        )


def held_out(
    store: Store, classes: Classes, split: str, *, left_out: np.ndarray | None = None
) -> HeldOut:
    """The clips of a split that are scored: all keywords, `unknown` balanced by word, and silence.

    Clips are packed in an order shuffled by file name. So the first clips of each word are a fair
    sample, and no seed changes it.

    Args:
      store: packed corpus.
      classes: of the model.
      split: of the corpus.
      left_out: bool [clips of the split], clips that must not count.

    Raises:
      PldError: no keyword has a clip in the split.
    """
    index = store.splits[split]
    kept = np.arange(len(index)) if left_out is None else np.flatnonzero(~left_out)
    words = index.words[kept]
    counts = np.bincount(words, minlength=len(store.words))
    require_keyword_clips(classes, counts, split)
    quotas, num_silence = word_quotas(classes, counts)
    clips = kept[rank_within(words) < quotas[words]]
    silence = _silence(store, split, num_silence)
    block = store.sample_rate_hz * BLOCK_MS // 1000
    silent = [block_energies(clip, block) for clip in silence]
    return HeldOut(
        store=store,
        split=split,
        clips=clips,
        labels=np.concatenate(
            [
                classes.of_word[index.words[clips]],
                np.full(num_silence, classes.silence_class, np.int32),
            ]
        ),
        silence=silence,
        energies=np.concatenate([index.energies[clips], *(row[None] for row in silent)]),
    )


def _silence(store: Store, split: str, count: int) -> np.ndarray:
    """Clips spread evenly over the split's noise, at volumes spread evenly from 0 to 1."""
    noise = store.noise(split)
    length = clip_samples(store.sample_rate_hz)
    starts = np.linspace(0, len(noise) - length, count).astype(np.int64)
    # Steps of the golden ratio keep volume independent of place.
    volumes = np.arange(1, count + 1) * 0.6180339887498949 % 1
    clips = [
        np.rint(noise[start : start + length] * volume).astype(np.int16)
        for start, volume in zip(starts, volumes, strict=True)
    ]
    return np.array(clips, np.int16).reshape(count, length)


def fixed_crops(
    store: Store, split: str, *, clips: np.ndarray, starts: np.ndarray, length: int, batch: int = 64
) -> tf.data.Dataset:
    """Unaugmented crops of corpus clips, for validation and test.

    Args:
      store: packed corpus.
      split: which of its splits.
      clips: int [n], ascending positions in the split's index.
      starts: int32 [n, crops], first sample of each crop.
      length: samples in a crop.
      batch: clips per element.

    Returns:
      Dataset of int16 [clips, crops, length], in the order of `clips`.
    """
    index = store.splits[split]
    wanted = np.zeros(len(index), bool)
    wanted[clips] = True
    records = tf.data.Dataset.range(len(index.shards)).flat_map(
        taken_records(index, tf.constant(wanted), store.sample_rate_hz)
    )

    def cut(numbered_record, start):
        _, record = numbered_record
        audio = tf.io.decode_raw(record, tf.int16)
        return tf.stack(
            [tf.slice(audio, start[i : i + 1], [length]) for i in range(starts.shape[1])]
        )

    paired = tf.data.Dataset.zip(
        (records, tf.data.Dataset.from_tensor_slices(starts.astype(np.int32)))
    )
    return paired.map(cut, num_parallel_calls=2, deterministic=True).batch(batch).prefetch(2)
