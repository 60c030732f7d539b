"""A recipe: all choices that define a ladder, read once, checked, frozen. No TensorFlow here."""

import itertools
from typing import Annotated, Any

from pydantic import Field, model_validator

from pld_tf.features.spec import CLIP_MS, FeatureSpec
from pld_tf.features.tables import make_tables
from pld_tf.models.names import MIN_BINS, MIN_FRAMES, least_frames
from pld_tf.recipe.affects import Affects, Table
from pld_tf.recipe.tables import (
    AugmentChoices,
    CropChoices,
    DeviceLimits,
    FinishChoices,
    LadderChoices,
    ModelChoice,
    NegativeChoices,
    TeachingChoices,
    TrainingChoices,
    WordChoices,
)

# The grid of the search for a clip's loudest part: BLOCK_MS of pld_tf/data/store/loudness.py.
LADDER_GRID_MS = 10


class Recipe(Table):
    """A ladder of trainings. docs/recipes.md describes it for users."""

    description: Annotated[str, Affects.NOTHING]
    words: WordChoices
    ladder: LadderChoices
    models: Annotated[list[ModelChoice], Field(min_length=1), Affects.RUNG]
    features: FeatureSpec = FeatureSpec()
    crops: CropChoices = CropChoices()
    augment: AugmentChoices = AugmentChoices()
    negatives: NegativeChoices = NegativeChoices()
    teaching: TeachingChoices = TeachingChoices()
    training: TrainingChoices
    finish: FinishChoices = FinishChoices()
    device: Annotated[DeviceLimits | None, Affects.NOTHING] = None

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        lengths_ms = self.lengths_ms
        _check_lengths(lengths_ms)
        _check_features(self.features, lengths_ms[-1])
        _check_words(self.words)
        for name, values in (
            ("models", self.models),
            ("training.epochs", self.training.epochs),
            ("ladder.networks", self.ladder.networks),
            ("ladder.train_fraction", self.ladder.train_fraction),
        ):
            if len(values) not in (1, len(lengths_ms)):
                raise ValueError(
                    f"{name} must hold 1 entry, or {len(lengths_ms)}, one per rung of "
                    f"ladder.input_lengths_ms; got {len(values)}"
                )
        _check_negatives(self)
        _check_frames(self)
        _check_teaching(self)
        _check_finish(self)
        return self

    @property
    def rungs(self) -> int:
        return len(self.lengths_ms)

    @property
    def lengths_ms(self) -> list[int]:
        """Input length of each rung, falling."""
        return self.ladder.input_lengths_ms

    @property
    def last_ms(self) -> int:
        """Input length of the last student, which goes on the device."""
        return self.lengths_ms[-1]

    def rung_model(self, rung: int) -> ModelChoice:
        return _of_rung(self.models, rung)

    def rung_epochs(self, rung: int) -> int:
        return _of_rung(self.training.epochs, rung)

    def rung_networks(self, rung: int) -> int:
        """Networks trained on a rung. One number for all rungs still gives the last rung one."""
        alone = len(self.ladder.networks) == 1 and rung == self.rungs - 1
        return 1 if alone else _of_rung(self.ladder.networks, rung)

    def rung_train_fraction(self, rung: int) -> float:
        return _of_rung(self.ladder.train_fraction, rung)

    def crop_lengths_ms(self, rung: int) -> tuple[int, ...]:
        """Lengths of the crops that a rung trains on."""
        lengths_ms = self.lengths_ms
        if self.ladder.teacher_lengths == "any":
            return tuple(lengths_ms[rung:])
        return (lengths_ms[rung],)


def _of_rung(values: list[Any], rung: int) -> Any:
    return values[rung if len(values) > 1 else 0]


def _check_lengths(lengths_ms: list[int]) -> None:
    name = "ladder.input_lengths_ms"
    if lengths_ms[0] > CLIP_MS:
        raise ValueError(f"{name} must start at {CLIP_MS} or below, got {lengths_ms[0]}")
    for longer, shorter in itertools.pairwise(lengths_ms):
        if shorter >= longer:
            raise ValueError(f"{name} must fall from rung to rung, got {shorter} after {longer}")
    for length_ms in lengths_ms:
        if length_ms % LADDER_GRID_MS:
            raise ValueError(
                f"{name} must hold multiples of {LADDER_GRID_MS}, the grid on which the loudest "
                f"part is found; got {length_ms}"
            )
    if lengths_ms[-1] < 100:
        raise ValueError(f"{name} must end at 100 or above, got {lengths_ms[-1]}")


def _check_features(features: FeatureSpec, shortest_ms: int) -> None:
    if features.bins < MIN_BINS:
        key = "mfcc" if features.mfcc else "mel_bins"
        raise ValueError(
            f"features.{key} must be at least {MIN_BINS}, the fewest that a network takes; got "
            f"{features.bins}"
        )
    make_tables(features)  # refuses empty mel filters
    frames = features.frames(features.samples(shortest_ms))
    if frames < MIN_FRAMES:
        raise ValueError(
            f"ladder.input_lengths_ms ends at {shortest_ms}, which gives {frames} frames; networks "
            f"take at least {MIN_FRAMES}. End higher, or shorten features.window_ms or hop_ms"
        )


def _check_negatives(recipe: Recipe) -> None:
    for name, value in (
        ("augment.speech_share", recipe.augment.speech_share),
        ("negatives.mined", recipe.negatives.mined),
    ):
        if value and not recipe.negatives.crops:
            raise ValueError(
                f"{name} needs negatives.crops, crops of the corpus' _negatives_ in an epoch; got "
                f"{value:g} and no such crops"
            )


def _check_frames(recipe: Recipe) -> None:
    """Networks without padding over time take more frames than others."""
    for rung in range(recipe.rungs):
        model, shortest_ms = recipe.rung_model(rung), min(recipe.crop_lengths_ms(rung))
        least = least_frames(family=model.family, size=model.size, time_padding=model.time_padding)
        frames = recipe.features.frames(recipe.features.samples(shortest_ms))
        if frames < least:
            raise ValueError(
                f"{model.family} {model.size} with time_padding = 'valid' takes at least {least} "
                f"frames, but rung {rung} trains on crops of {shortest_ms} ms, {frames} frames. "
                "Take longer inputs, a shorter features.hop_ms or time_padding = 'same'"
            )


def _check_teaching(recipe: Recipe) -> None:
    teaching, networks = recipe.teaching, recipe.ladder.networks
    if len(networks) > 1 and networks[-1] != 1:
        raise ValueError(
            f"ladder.networks must end with 1, the student that is exported; got {networks[-1]}"
        )
    if teaching.labels == "stored" and not recipe.crops.per_clip:
        raise ValueError(
            "teaching.labels = 'stored' needs crops.per_clip, the number of crops of each clip "
            "that are labelled once; fresh crops in each epoch (0) can't be stored"
        )
    if teaching.labels == "stored" and teaching.embedding_weight:
        raise ValueError(
            "teaching.embedding_weight must be 0 with labels = 'stored', which keeps logits and no "
            f"embeddings; got {teaching.embedding_weight}. Set labels = 'online' to match them"
        )
    if teaching.keep_first_teacher and teaching.teacher_input not in ("crop", "clean_crop"):
        raise ValueError(
            "teaching.keep_first_teacher needs teacher_input = 'crop' or 'clean_crop': teachers of "
            f"several lengths have no other input in common; got '{teaching.teacher_input}'"
        )
    if teaching.teacher_input == "blend" and recipe.ladder.teacher_lengths != "any":
        raise ValueError(
            "teaching.teacher_input = 'blend' needs ladder.teacher_lengths = 'any': the teacher is "
            "given crops and clips"
        )


def _check_finish(recipe: Recipe) -> None:
    ways = recipe.finish.ways
    if repeated := sorted({name for name in ways if ways.count(name) > 1}):
        raise ValueError(f"finish.ways must name each way once, '{repeated[0]}' stands twice")
    if "qat_distilled" in ways and recipe.finish.teacher == "rung" and recipe.rungs == 1:
        raise ValueError(
            "finish.teacher = 'rung' needs a teacher, the rung before the last, but the ladder has "
            "one rung. Add a longer one, or take finish.teacher = 'student'"
        )


def _check_words(words: WordChoices) -> None:
    keywords = words.keywords
    if repeated := sorted({word for word in keywords if keywords.count(word) > 1}):
        raise ValueError(f"words.keywords must differ, '{repeated[0]}' stands twice")
    if clash := sorted({"unknown", "silence"} & set(keywords)):
        raise ValueError(f"'{clash[0]}' is a class of its own and can't be a keyword")
    if both := sorted(set(words.ignored) & set(keywords)):
        raise ValueError(
            f"'{both[0]}' is among words.keywords and words.ignored; take it out of one of them"
        )
