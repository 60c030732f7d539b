"""Recipes: every choice that defines a ladder, read once, checked, frozen. No TensorFlow here."""

import itertools
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pld_tf.errors import PldError
from pld_tf.features.spec import CLIP_MS, FeatureSpec
from pld_tf.features.tables import make_tables
from pld_tf.models.names import MIN_BINS, MIN_FRAMES, check

# Batches are built from this many clips at a time: see pld_tf/data/pipeline.py.
MICRO_BATCH = 16
# The loudest part of a clip is looked for on this grid: BLOCK_MS of pld_tf/data/loudness.py.
LADDER_GRID_MS = 10

Protocol = Literal["centre", "random", "loudest", "sliding"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
# What the last student may be finished into, for int8 and for size. Plainest first: of students
# that are equally good on validation, export takes the first.
Finish = Literal["qat", "qat_distilled", "pruned", "clustered"]
FINISHES: tuple[Finish, ...] = get_args(Finish)
Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0, le=CLIP_MS)]


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _as_labels(value: object) -> object:
    """ "soft" is what papers call a teacher's labels, wherever they come from."""
    return "online" if value == "soft" else value


def _as_name(value: object) -> object:
    """Sizes such as 8 and 1.5 look like numbers, so they may be written as numbers."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if is_number else value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ModelChoice(_Strict):
    """One network: family, size, and a multiplier of its channel counts."""

    family: str
    size: Annotated[str, BeforeValidator(_as_name)]
    width: Annotated[float, Field(gt=0, le=8)] = 1.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @model_validator(mode="after")
    def _known(self) -> "ModelChoice":
        try:
            check(family=self.family, size=self.size)
        except PldError as error:
            raise ValueError(str(error)) from error
        return self


class Device(_Strict):
    """What the last student must fit into, checked before a ladder trains. Limits are in KiB.

    `ops` = "tflm" also refuses operators that TFLite Micro lacks.
    """

    flash_kb: Annotated[int, Field(ge=1, le=2**20)] | None = None
    ram_kb: Annotated[int, Field(ge=1, le=2**20)] | None = None
    ops: Literal["tflm", "any"] = "tflm"


class Recipe(_Strict):
    """A ladder of trainings. `docs/recipes.md` describes each key for users.

    Lengths are milliseconds, shares are 0 to 1. Lists of one value per rung
    may hold one value for all rungs.
    """

    description: str

    keywords: Annotated[list[str], Field(min_length=1)]
    ignored_words: list[str] = []
    unknown: Annotated[float, Field(ge=0, le=100)] = 1.0
    silence: Annotated[float, Field(ge=0, le=100)] = 1.0

    ladder_ms: Annotated[list[int], Field(min_length=1)]
    models: Annotated[list[ModelChoice], Field(min_length=1)]
    features: FeatureSpec = FeatureSpec()
    device: Device | None = None

    labels: Annotated[Literal["online", "stored", "hard"], BeforeValidator(_as_labels)] = "online"
    temperature: Annotated[float, Field(gt=0, le=100)] = 2.0
    hard_weight: Share = 0.5
    hard_finish_epochs: Annotated[int, Field(ge=0)] = 0
    embedding_weight: Annotated[float, Field(ge=0, le=100)] = 0.0
    teacher_hears: Literal["crop", "padded_crop", "clip", "blend"] = "crop"
    teacher_lengths: Literal["fixed", "any"] = "any"
    networks: Annotated[
        list[Annotated[int, Field(ge=1, le=16)]], Field(min_length=1), BeforeValidator(_as_list)
    ] = [1]
    ensemble: Literal["mean", "switch"] = "mean"
    keep_first_teacher: bool = False
    train_fraction: Annotated[
        list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1), BeforeValidator(_as_list)
    ] = [1.0]
    teach_unlabelled: bool = True

    crops_per_clip: Annotated[int, Field(ge=0, le=10_000)] = 0
    echo_epochs: Annotated[int, Field(ge=1, le=1000)] = 1
    loudest_share: Share = 0.3
    loudest_jitter_ms: Milliseconds = 60
    shift_ms: Annotated[int, Field(ge=0, le=CLIP_MS // 2)] = 100
    gain_db: Annotated[float, Field(ge=0, le=40)] = 6.0
    noise_share: Share = 0.8
    noise_volume: Share = 0.1
    tempo: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    vocal_tract: Annotated[float, Field(ge=0, le=0.3)] = 0.0
    filter_db: Annotated[float, Field(ge=0, le=40)] = 0.0
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0
    time_masks: Annotated[int, Field(ge=0, le=8)] = 1
    time_mask_frames: Annotated[int, Field(ge=0)] = 4
    mel_masks: Annotated[int, Field(ge=0, le=8)] = 1
    mel_mask_bins: Annotated[int, Field(ge=0)] = 6

    epochs: Annotated[list[Annotated[int, Field(ge=1)]], BeforeValidator(_as_list)]
    batch: Annotated[int, Field(ge=MICRO_BATCH, multiple_of=MICRO_BATCH)] = 128
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_epochs: Annotated[int, Field(ge=0)] = 2
    weight_decay: Annotated[float, Field(ge=0)] = 1e-3
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    patience: Annotated[int, Field(ge=0)] = 0
    validation_protocol: Literal["centre", "random", "loudest"] = "loudest"

    finish: list[Finish] = []
    finish_epochs: Annotated[int, Field(ge=1)] = 10
    finish_learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.03
    finish_teacher: Literal["student", "rung"] = "student"
    prune_sparsity: Annotated[float, Field(gt=0, lt=1)] = 0.5
    cluster_count: Annotated[int, Field(ge=2, le=256)] = 16

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        _check_ladder(self.ladder_ms)
        _check_features(self.features, self.ladder_ms[-1])
        _check_keywords(self.keywords, self.ignored_words)
        for key in ("models", "epochs", "networks", "train_fraction"):
            value = getattr(self, key)
            if len(value) not in (1, len(self.ladder_ms)):
                raise ValueError(
                    f"{key} must hold 1 entry, or {len(self.ladder_ms)}, one per rung of "
                    f"ladder_ms; got {len(value)}"
                )
        _check_teaching(self)
        _check_finish(self)
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes in output order: keywords, then `unknown`, then `silence`."""
        return (*self.keywords, "unknown", "silence")

    def rung_model(self, rung: int) -> ModelChoice:
        return _of_rung(self.models, rung)

    def rung_epochs(self, rung: int) -> int:
        return _of_rung(self.epochs, rung)

    def rung_networks(self, rung: int) -> int:
        """Networks trained on a rung; one number for all rungs leaves the last with one."""
        alone = len(self.networks) == 1 and rung == len(self.ladder_ms) - 1
        return 1 if alone else _of_rung(self.networks, rung)

    def rung_train_fraction(self, rung: int) -> float:
        return _of_rung(self.train_fraction, rung)

    def heard_ms(self, rung: int) -> tuple[int, ...]:
        """Crop lengths that rung `rung` trains on: a teacher of any length hears all to come."""
        if self.teacher_lengths == "any":
            return tuple(self.ladder_ms[rung:])
        return (self.ladder_ms[rung],)


def _of_rung(values: list[Any], rung: int) -> Any:
    return values[rung if len(values) > 1 else 0]


def _check_ladder(ladder_ms: list[int]) -> None:
    if ladder_ms[0] > CLIP_MS:
        raise ValueError(f"ladder_ms must start at {CLIP_MS} or below, got {ladder_ms[0]}")
    for longer, shorter in itertools.pairwise(ladder_ms):
        if shorter >= longer:
            raise ValueError(f"ladder_ms must fall from rung to rung, got {shorter} after {longer}")
    for length_ms in ladder_ms:
        if length_ms % LADDER_GRID_MS:
            raise ValueError(
                f"ladder_ms must hold multiples of {LADDER_GRID_MS}, the grid on which the "
                f"loudest part is found; got {length_ms}"
            )
    if ladder_ms[-1] < 100:
        raise ValueError(f"ladder_ms must end at 100 or above, got {ladder_ms[-1]}")


def _check_features(features: FeatureSpec, shortest_ms: int) -> None:
    if features.bins < MIN_BINS:
        key = "mfcc" if features.mfcc else "mel_bins"
        raise ValueError(
            f"features.{key} must be at least {MIN_BINS}, the fewest that a network takes; got "
            f"{features.bins}"
        )
    make_tables(features)  # refuses mel filters that would hear nothing
    frames = features.frames(features.samples(shortest_ms))
    if frames < MIN_FRAMES:
        raise ValueError(
            f"ladder_ms ends at {shortest_ms}, which gives {frames} frames; networks take at least "
            f"{MIN_FRAMES}. End higher, or take a shorter features.window_ms or hop_ms"
        )


def _check_teaching(recipe: Recipe) -> None:
    if len(recipe.networks) > 1 and recipe.networks[-1] != 1:
        raise ValueError(
            f"networks must end with 1, the student that is exported; got {recipe.networks[-1]}"
        )
    if recipe.labels == "stored" and not recipe.crops_per_clip:
        raise ValueError(
            "labels = 'stored' needs crops_per_clip, the number of crops of each clip that are "
            "labelled once; fresh crops in each epoch (0) can't be stored"
        )
    if recipe.labels == "stored" and recipe.embedding_weight:
        raise ValueError(
            "embedding_weight must be 0 with labels = 'stored', which keeps logits and no "
            f"embeddings; got {recipe.embedding_weight}. Set labels = 'online' to match embeddings"
        )
    if recipe.keep_first_teacher and recipe.teacher_hears != "crop":
        raise ValueError(
            "keep_first_teacher needs teacher_hears = 'crop': teachers of several lengths hear no "
            f"other piece in common; got '{recipe.teacher_hears}'"
        )
    if recipe.teacher_hears == "blend" and recipe.teacher_lengths != "any":
        raise ValueError(
            "teacher_hears = 'blend' needs teacher_lengths = 'any': the teacher hears crop and clip"
        )


def _check_finish(recipe: Recipe) -> None:
    finish = recipe.finish
    if repeated := sorted({name for name in finish if finish.count(name) > 1}):
        raise ValueError(f"finish must name each way once, '{repeated[0]}' stands twice")
    taught = "qat_distilled" in finish and recipe.finish_teacher == "rung"
    if taught and len(recipe.ladder_ms) == 1:
        raise ValueError(
            "finish_teacher = 'rung' needs a teacher, the rung before the last, but ladder_ms has "
            "one rung. Add a longer one, or take finish_teacher = 'student'"
        )


def _check_keywords(keywords: list[str], ignored_words: list[str]) -> None:
    if repeated := sorted({word for word in keywords if keywords.count(word) > 1}):
        raise ValueError(f"keywords must differ, '{repeated[0]}' stands twice")
    if clash := sorted({"unknown", "silence"} & set(keywords)):
        raise ValueError(f"'{clash[0]}' is a class of its own and can't be a keyword")
    if both := sorted(set(ignored_words) & set(keywords)):
        raise ValueError(
            f"'{both[0]}' is among keywords and ignored_words; take it out of one of them"
        )
