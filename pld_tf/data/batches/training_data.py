"""Everything that decides the batches of one training, and its tables by clip."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from pld_tf.data.corpus.classes import Classes, rank_within, require_keyword_clips, word_quotas
from pld_tf.data.negatives.taught import TaughtNegatives
from pld_tf.data.rooms import room_responses
from pld_tf.data.store.loudness import (
    BLOCK_MS,
    block_energies,
    loudest_start_ms,
    speech_so_far,
    word_levels,
)
from pld_tf.data.store.pack import SplitIndex, Store
from pld_tf.features.spec import CLIP_MS, FeatureSpec
from pld_tf.recipe.tables import AugmentChoices, CropChoices, TeacherInput


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Everything that decides the batches of one training.

    Attributes:
      store: packed corpus.
      classes: classes over its words.
      spec: features.
      crops: where crops lie, and when they repeat.
      augment: what is done to crops.
      lengths_ms: all crops of a batch have one of these lengths.
      teacher_input: `crop` gives the teacher the student's features. Otherwise batches also hold
        `teacher`: the crop without noise and room, the crop between zeros, or the clip around it,
        the latter two `teacher_ms` long. `blend` takes the clip, and adds `held`, the share of the
        clip's speech that lies in the crop.
      teacher_ms: see above.
      batch: crops in a batch, a multiple of 16.
      seed: of all draws.
      train_fraction: share of each word's clips whose labels are known.
      teach_unlabelled: whether batches also hold the other clips; their `labelled` is then 0.
      negatives: recordings without keywords that are taught too; None if there are none.
      tells_crops: whether batches also hold `start` and `length`, int32 [batch]: the first sample
        of each crop in its clip, and its number of samples.
    """

    store: Store
    classes: Classes
    spec: FeatureSpec
    crops: CropChoices
    augment: AugmentChoices
    lengths_ms: tuple[int, ...]
    teacher_input: TeacherInput = "crop"
    teacher_ms: int = 0
    batch: int
    seed: int
    train_fraction: float = 1.0
    teach_unlabelled: bool = False
    tells_crops: bool = False
    negatives: TaughtNegatives | None = None

    @property
    def words(self) -> SplitIndex:
        """The clips of words alone."""
        return self.store.splits["train"]

    @cached_property
    def index(self) -> SplitIndex:
        """Clips of words, then pieces of negatives, whose words follow those of the corpus."""
        if self.negatives is None:
            return self.words
        words, pieces = self.words, self.negatives.index
        return SplitIndex(
            shards=(*words.shards, *pieces.shards),
            shard_clips=np.concatenate([words.shard_clips, pieces.shard_clips]),
            paths=np.concatenate([words.paths, pieces.paths]),
            words=np.concatenate([words.words, pieces.words + len(self.store.words)]),
            energies=np.concatenate([words.energies, pieces.energies]),
        )

    @property
    def measures_words(self) -> bool:
        """Whether it matters how much of its word a crop holds."""
        return self.teacher_input == "blend" or self.crops.least_word_share > 0

    def labels(self) -> np.ndarray:
        """Class of each clip, int32 [clips]; pieces of negatives are `unknown` or `silence`."""
        of_word, classes = self.classes.of_word, self.classes
        if self.negatives:
            of_negatives = self.negatives.labels(
                unknown=classes.unknown_class, silence=classes.silence_class
            )
            of_word = np.concatenate([of_word, of_negatives])
        return of_word[self.index.words]

    def labelled(self) -> np.ndarray:
        """Bool [clips]: clips with known labels. Clips are packed in an order shuffled by name."""
        words = self.words.words
        # 0.07 * 100 is slightly above 7, but means 7 clips.
        wanted = np.ceil(self.train_fraction * self.store.word_counts("train") - 1e-9)
        known = rank_within(words) < wanted[words]
        return np.pad(known, (0, len(self.index) - len(words)), constant_values=True)

    def usable(self) -> np.ndarray:
        """Bool [clips]: clips that batches may hold."""
        return self.labelled() | self.teach_unlabelled

    def quotas(self) -> tuple[np.ndarray, int]:
        """Clips per epoch of each word, int64 [words], those of negatives last; and of silence."""
        return self._quotas

    @cached_property
    def _quotas(self) -> tuple[np.ndarray, int]:
        # Kept, because every look at `steps_per_epoch` needs them: 0.3 s with 38,000 words.
        words = self.words.words[self.usable()[: len(self.words)]]
        counts = np.bincount(words, minlength=len(self.store.words))
        require_keyword_clips(self.classes, counts, "train")
        quotas, silence = word_quotas(self.classes, counts)
        if self.negatives:
            quotas = np.concatenate([quotas, self.negatives.quotas()])
        return quotas, silence

    @property
    def clips_per_epoch(self) -> int:
        quotas, silence = self.quotas()
        return int(quotas.sum() + silence)

    @property
    def steps_per_epoch(self) -> int:
        return self.clips_per_epoch // self.batch

    def drawn_epoch(self, epoch: Any) -> Any:
        """The epoch whose draws are used; they repeat after `crops.per_clip` epochs."""
        return epoch % self.crops.per_clip if self.crops.per_clip else epoch


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Columns that the graph looks up by clip. Silence clips follow the corpus' clips."""

    labels: tf.Tensor
    labelled: tf.Tensor  # float32
    usable: tf.Tensor
    words: tf.Tensor
    quotas: tf.Tensor
    loudest: tf.Tensor  # int32 [lengths, clips], in samples
    noise: tf.Tensor  # recorded noise, then speech to lie under words
    recorded: int  # samples of the former
    is_mined: tf.Tensor
    noise_so_far: tf.Tensor  # float64 [blocks + 1], energy of the noise before each 10 ms
    levels: tf.Tensor  # float32 [clips], RMS of each clip's word
    rooms: tf.Tensor  # float32 [rooms, taps], impulse responses; none if no crop is in a room
    speech: tf.Tensor  # float32 [clips, points], see draws.speech_held
    clips: int
    silence: int

    @classmethod
    def of(cls, data: TrainingData) -> "Tables":
        index = data.index
        quotas, silence = data.quotas()
        loudest = [
            np.pad(_places_ms(data, length_ms), (0, silence)) * data.spec.sample_rate_hz // 1000
            for length_ms in data.lengths_ms
        ]
        labels = np.pad(data.labels(), (0, silence), constant_values=data.classes.silence_class)
        speech = speech_so_far(index.energies) if data.measures_words else np.zeros((0, 2))
        recorded = data.store.noise("train")
        speech_noise = np.zeros(0, np.int16)
        if data.negatives and data.augment.speech_share:
            speech_noise = data.negatives.store.noise("train")
        noise = np.concatenate([recorded, speech_noise])
        block = data.spec.samples(BLOCK_MS)
        energy = block_energies(noise, block).astype(np.float64)
        rooms = (
            room_responses(data.spec.sample_rate_hz)
            if data.augment.room_share
            else np.zeros((0, 1), np.float32)
        )
        return cls(
            labels=tf.constant(labels, tf.int32),
            labelled=tf.constant(
                np.pad(data.labelled(), (0, silence), constant_values=True), tf.float32
            ),
            usable=tf.constant(data.usable()),
            words=tf.constant(index.words, tf.int64),
            quotas=tf.constant(quotas, tf.int64),
            loudest=tf.constant(np.stack(loudest), tf.int32),
            noise=tf.constant(noise, tf.int16),
            recorded=len(recorded),
            is_mined=tf.constant(np.pad(_is_mined(data), (0, silence))),
            noise_so_far=tf.constant(np.cumsum(np.pad(energy, (1, 0)))),
            levels=tf.constant(np.pad(word_levels(index.energies, block), (0, silence))),
            rooms=tf.constant(rooms),
            speech=tf.constant(np.pad(speech, ((0, silence), (0, 0))), tf.float32),
            clips=len(index),
            silence=silence,
        )


def _places_ms(data: TrainingData, length_ms: int) -> np.ndarray:
    """Start of each clip's loudest part; of a hard negative, of the crop that was mistaken."""
    places = loudest_start_ms(data.index.energies, length_ms)
    mined = data.negatives and data.negatives.mined
    if mined:
        starts = np.clip(mined.centres_ms - length_ms // 2, 0, CLIP_MS - length_ms)
        places[len(data.words) + mined.pieces] = starts
    return places


def _is_mined(data: TrainingData) -> np.ndarray:
    is_mined = np.zeros(len(data.index), bool)
    if data.negatives and data.negatives.mined:
        is_mined[len(data.words) + data.negatives.mined.pieces] = True
    return is_mined
