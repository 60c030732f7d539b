"""The tables of a recipe, key by key. The text under a key is what `docs/recipe_keys.md` shows.

Lengths are milliseconds, shares are 0 to 1. Lists of one value per rung may hold one value for all
rungs.
"""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pld_tf.errors import PldError
from pld_tf.features.spec import CLIP_MS
from pld_tf.models.names import check
from pld_tf.recipe.affects import Affects, OfWay, Table
from pld_tf.system.names import plain_name

# Batches are built from this many clips at a time: see pld_tf/data/batches/pipeline.py.
MICRO_BATCH = 16

Protocol = Literal["centre", "random", "loudest", "sliding"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
# What the last student may be finished into, for int8 and for size. Plainest first: of students
# that are equally good on validation, export takes the first.
FinishWay = Literal["qat", "qat_distilled", "pruned", "clustered"]
FINISH_WAYS: tuple[FinishWay, ...] = get_args(FinishWay)
TeacherInput = Literal["crop", "clean_crop", "padded_crop", "clip", "blend"]
# A word is also the name of a folder.
Word = Annotated[str, AfterValidator(plain_name)]
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


def _rising_pair(values: list[float]) -> list[float]:
    if values and (len(values) != 2 or values[0] > values[1]):
        raise ValueError(f"must hold the least and the greatest value, or nothing; got {values}")
    return values


class WordChoices(Table):
    """Which words there are, and how often an epoch takes each class."""

    keywords: Annotated[list[Word], Field(min_length=1)]
    """Words to spot, in output order. Each is the name of a folder. All other folders are the
    class `unknown`."""
    ignored: list[Word] = []
    """Folders to leave out."""
    unknown: Annotated[float, Field(ge=0, le=100)] = 1.0
    """Clips of `unknown` in an epoch, as a multiple of the mean keyword."""
    silence: Annotated[float, Field(ge=0, le=100)] = 1.0
    """Clips of `silence` in an epoch, as a multiple of the mean keyword."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes in output order: keywords, then `unknown`, then `silence`."""
        return (*self.keywords, "unknown", "silence")


class LadderChoices(Table):
    """The rungs: their input lengths, and what may differ between them."""

    affects: ClassVar[Affects] = Affects.RUNG

    input_lengths_ms: Annotated[list[int], Field(min_length=1)]
    """Input length of each rung, longest first. Multiples of 10; the first at most 1000. The last
    one is the input of the device."""
    teacher_lengths: Literal["fixed", "any"] = "any"
    """`"any"`: a rung trains on crops of its own length and of all lengths after it. `"fixed"`: on
    its own length alone."""
    networks: Annotated[
        list[Annotated[int, Field(ge=1, le=16)]], Field(min_length=1), BeforeValidator(_as_list)
    ] = [1]
    """Networks trained on each rung, each with its own seed. All of them teach the next rung. One
    number counts for all rungs but the last, which has one."""
    train_fraction: Annotated[
        list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1), BeforeValidator(_as_list)
    ] = [1.0]
    """Share of each word's clips whose labels are used, rounded up. One number for all rungs, or
    one for each."""


class ModelChoice(Table):
    """A network: one for all rungs, or one for each."""

    affects: ClassVar[Affects] = Affects.RUNG

    family: str
    """Family of networks, see docs/recipes.md."""
    size: Annotated[str, BeforeValidator(_as_name)]
    """One of the family's sizes."""
    width: Annotated[float, Field(gt=0, le=8)] = 1.0
    """Multiplies the numbers of channels."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of channels dropped in training."""
    time_padding: Literal["same", "valid"] = "same"
    """`"valid"`: convolutions take no zeros before the first frame and behind the last. A device
    then computes each new frame alone. `tc_resnet` and `ds_cnn` can."""

    @model_validator(mode="after")
    def _known(self) -> "ModelChoice":
        try:
            check(family=self.family, size=self.size, time_padding=self.time_padding)
        except PldError as error:
            raise ValueError(str(error)) from error
        return self


class CropChoices(Table):
    """Where training crops lie in their clips, and how many there are."""

    loudest_share: Share = 0.3
    """Share of crops placed around the loudest part of the clip. The others lie anywhere."""
    loudest_jitter_ms: Milliseconds = 60
    """Such a crop starts at most this far from the start of the loudest part."""
    shift_ms: Annotated[int, Field(ge=0, le=CLIP_MS // 2)] = 100
    """A crop may lie up to this far from the middle of its clip, past the edges if need be. Zeros
    fill what lies past an edge."""
    least_word_share: Share = 0.0
    """A crop with less than this share of its word's energy is `unknown`: streams are full of
    parts of words. 0: each crop is taught as its word."""
    per_clip: Annotated[int, Field(ge=0, le=10_000)] = 0
    """The epochs repeat after this many, crop for crop. 0: fresh crops in every epoch. Stored
    labels need a number."""
    echo_epochs: Annotated[int, Field(ge=1, le=1000)] = 1
    """A clip keeps its gain, noise, voice and filter for this many epochs. Each epoch cuts crops of
    its own. This is data echoing; it saves most of the work. 1 draws everything in every epoch."""


class AugmentChoices(Table):
    """What is done to crops in training. The same for a teacher and its student."""

    gain_db: Annotated[float, Field(ge=0, le=40)] = 6.0
    """Loudness varies by up to this much, up and down. Recordings 12 dB quieter than those of the
    training turned an accuracy of 98 % into 92 %, 20 dB into 85 %: take more where microphones or
    distances differ."""
    noise_share: Share = 0.8
    """Share of crops with background noise."""
    noise_volume: Share = 0.1
    """Greatest volume of that noise; 1 is as recorded. Not used if `noise_snr_db` is set."""
    noise_snr_db: Annotated[
        list[Annotated[float, Field(ge=-20, le=60)]], AfterValidator(_rising_pair)
    ] = []
    """Least and greatest signal-to-noise ratio of crops with noise: the level of the clip's loudest
    200 ms over that of the noise. `[0, 30]` is usual. Empty: `noise_volume` says how loud noise
    is."""
    speech_share: Share = 0.0
    """Share of the noise that is sound of `_negatives_` instead: others speak while the word is
    said. Needs `negatives.crops`."""
    room_share: Share = 0.0
    """Share of crops heard in a room, 16 crops at a time in the same one. The rooms are generated:
    64 boxes whose echoes die away within 0.15 to 0.7 s. 0.5 is usual."""
    tempo: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """16 crops at a time are up to this share faster or slower. 0.1 is usual."""
    vocal_tract: Annotated[float, Field(ge=0, le=0.3)] = 0.0
    """16 crops at a time have their frequencies scaled by up to this share. 0.1 is usual."""
    filter_db: Annotated[float, Field(ge=0, le=40)] = 0.0
    """16 crops at a time have the level of their mel bins changed by up to this much, along a curve
    of four knots: other rooms, other microphones. 6 is usual."""
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Crops are blended in pairs, labels too. The shares come from a beta distribution with both
    parameters this. 0.2 to 0.4 is usual."""
    time_masks: Annotated[int, Field(ge=0, le=8)] = 1
    """SpecAugment: bands of time that are covered."""
    time_mask_frames: Annotated[int, Field(ge=0)] = 4
    """Greatest width of such a band, in frames."""
    mel_masks: Annotated[int, Field(ge=0, le=8)] = 1
    """SpecAugment: bands of mel bins that are covered."""
    mel_mask_bins: Annotated[int, Field(ge=0)] = 6
    """Greatest width of such a band, in mel bins."""


class NegativeChoices(Table):
    """Hours of sound without keywords, from the folder `_negatives_` of the corpus."""

    crops: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Crops of it in an epoch, taught as `unknown`, pauses as `silence`. Its folders share them
    evenly. 0 takes none. 4000 is usual for 8,000 clips of words."""
    mined: Annotated[int, Field(ge=0, le=1_000_000), Affects.TEACHING] = 0
    """Most hard crops in an epoch, beside `crops`. After each rung its network listens to
    `_negatives_`. Where it is sure of a keyword, the crop is hard, and joins the next rung."""
    mined_score: Annotated[float, Field(gt=0, lt=1), Affects.TEACHING] = 0.5
    """How sure it must be: the least probability of the keyword."""


class TeachingChoices(Table):
    """How a rung learns from its teachers."""

    affects: ClassVar[Affects] = Affects.TEACHING

    labels: Annotated[Literal["online", "stored", "hard"], BeforeValidator(_as_labels)] = "online"
    """`"online"` or `"soft"`: the teachers' logits, computed at each step. `"stored"`: computed
    once for `crops.per_clip` crops of each clip and read from then on. `"hard"`: the teachers'
    first choice, at each step."""
    temperature: Annotated[float, Field(gt=0, le=100)] = 2.0
    """Divides both sets of logits in the soft-label loss. 1 leaves them as they are."""
    hard_weight: Share = 0.5
    """Share of the corpus' own labels in the loss. 0 trusts the teacher alone, 1 ignores it."""
    hard_finish_epochs: Annotated[int, Field(ge=0)] = 0
    """Epochs at the end of a rung that learn from the corpus' labels alone."""
    embedding_weight: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Weight of a second loss: the input of the student's last layer, projected, should point where
    the first teacher's does (1 - cosine)."""
    teacher_input: TeacherInput = "crop"
    """The input of the teacher when it labels a crop. `"crop"`: the student's crop.
    `"clean_crop"`: the same without noise and room, which only the student must bear.
    `"padded_crop"`: the crop between zeros, as long as the teacher's own input. `"clip"`: as
    much of the clip around the crop as the teacher's own input holds. `"blend"`: crop and clip;
    the clip's label counts as much as the crop holds of the word."""
    ensemble: Literal["mean", "switch"] = "mean"
    """With several teachers. `"mean"`: the mean of their probabilities at `temperature`.
    `"switch"`: at each step the labels of one teacher, drawn at random."""
    keep_first_teacher: Annotated[bool, Affects.RUNG] = False
    """The first rung's networks also teach every later rung. Needs `teacher_input = "crop"` or
    `"clean_crop"`."""
    teach_unlabelled: bool = True
    """Students also learn from clips whose labels are not used (`ladder.train_fraction`), from
    their teachers alone. `false` leaves these clips out."""


class TrainingChoices(Table):
    """Optimiser, schedule, and which epoch's weights are kept."""

    epochs: Annotated[list[Annotated[int, Field(ge=1)]], BeforeValidator(_as_list), Affects.RUNG]
    """Epochs of each rung: one number for all, or one for each."""
    batch_size: Annotated[int, Field(ge=MICRO_BATCH, multiple_of=MICRO_BATCH)] = 128
    """Crops in a step, a multiple of 16."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """`"sgd"` has Nesterov momentum 0.9."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Highest learning rate."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """How the learning rate falls."""
    warmup_epochs: Annotated[int, Field(ge=0)] = 2
    """Epochs in which a cosine schedule rises first; at most half of all."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-3
    """Decoupled weight decay; biases and batch normalization are spared."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Smoothing of hard labels."""
    weight_average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Validate and keep an average of the weights. An update keeps this share of it: 0.999
    averages over about 1000 updates. 0 keeps the weights themselves."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Stop a rung after this many epochs without a better validation accuracy. 0 never stops."""
    validation_protocol: Literal["centre", "random", "loudest"] = "loudest"
    """Which validation crops decide which epoch's weights are kept."""


class FinishChoices(Table):
    """How the last student is trained a little further, for int8 or for size."""

    affects: ClassVar[Affects] = Affects.FINISHING

    ways: list[FinishWay] = []
    """Each way makes a student of its own: `"qat"`, `"qat_distilled"`, `"pruned"`,
    `"clustered"`."""
    epochs: Annotated[int, Field(ge=1)] = 10
    """Epochs of each way."""
    learning_rate_factor: Annotated[float, Field(gt=0, le=1)] = 0.03
    """Learning rate of each way, as a share of `training.learning_rate`."""
    teacher: Annotated[Literal["student", "rung"], OfWay("qat_distilled")] = "student"
    """`"student"`: the float student itself teaches. `"rung"`: the teachers and labels of its
    rung do. For `qat_distilled`."""
    prune_sparsity: Annotated[float, Field(gt=0, lt=1), OfWay("pruned")] = 0.5
    """Share of zeros among the weights of each convolution and dense layer. For `pruned`."""
    cluster_count: Annotated[int, Field(ge=2, le=256), OfWay("clustered")] = 16
    """Different weights in each convolution and dense layer. For `clustered`."""


class DeviceLimits(Table):
    """What the last student must fit into, in KiB. Checked before a ladder trains.

    Code of runtime and front end comes on top of both.
    """

    affects: ClassVar[Affects] = Affects.NOTHING

    flash_kb: Annotated[int, Field(ge=1, le=2**20)] | None = None
    """KiB for the int8 `.tflite`."""
    ram_kb: Annotated[int, Field(ge=1, le=2**20)] | None = None
    """KiB for the arena, the working memory of TFLite Micro."""
    ops: Literal["tflm", "any"] = "tflm"
    """`"tflm"` refuses operators that TFLite Micro lacks."""
