"""What the page says, as plain values. Whoever gathers them, the page is drawn from these alone."""

from dataclasses import dataclass
from typing import Any

from pld_tf.report.bundle_files import LayerCosts, Manifest
from pld_tf.report.run_files import PaperReport, RungMetrics
from pld_tf.streams.trade_off import TradeOff

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A trained network of a run, its cost, and who taught it (None on rung 0)."""

    student: str
    teacher: str | None
    parameters: int
    macs: int
    metrics: RungMetrics


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A network under the four protocols.

    Attributes:
      name: as `float`, `int8`.
      protocols: the object of the evaluation in docs/formats.md.
      command: prints the same figures.
    """

    name: str
    protocols: Json
    command: str


@dataclass(frozen=True, kw_only=True)
class HeardClip:
    """A test clip and what a network took it for.

    Attributes:
      name: its path in the corpus.
      shares: the likeliest classes with their probabilities, likeliest first.
      start_ms, length_ms: the part that the network was given.
      audio: FLAC, in base64.
      picture: PNG of its log-mel features, in base64.
    """

    name: str
    shares: tuple[tuple[str, float], ...]
    start_ms: int
    length_ms: int
    audio: str
    picture: str


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of the confusion matrix that has clips; `clips` are some of `count`."""

    label: int
    prediction: int
    count: int
    clips: tuple[HeardClip, ...]


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """The confusion matrix of one network under loudest crops; `cells` in order of the matrix."""

    of: str
    counts: list[list[int]]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class StreamFacts:
    """A bundle's decision on a stream of test clips.

    Attributes:
      report: as `pld-tf tune --json`, for the thresholds that the bundle has.
      curve: the same with other thresholds.
      commands: give the same counts.
    """

    report: Json
    curve: tuple[TradeOff, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Firmware:
    """A firmware bundle, as its files say and as it was measured.

    Attributes:
      path: of the bundle.
      manifest, layer_costs: from its files; no layer costs were measured without --layers.
      hop_ms: of the front end.
      core: the bench report's object of `core_name`; None where it can't be measured here.
      stream: None where the C can't be run here.
    """

    path: str
    manifest: Manifest
    layer_costs: LayerCosts | None
    hop_ms: int
    core_name: str
    core: Json | None
    stream: StreamFacts | None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a model was made from."""

    recipe_name: str
    seed: int
    commit: str | None
    versions: dict[str, str]
    data_key: str
    flash_kb: int | None
    ram_kb: int | None


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A run, a firmware bundle, or both where the bundle was made from the run.

    Attributes:
      name: short, different for each subject.
      paths: as they were given.
      classes: names in output order.
      clips, split: what it was tested on.
      rungs: of the run; empty for a bundle alone.
      tested: what the device runs comes first.
      missing: part of the page to the reason why it is not there, and what to do.
      notes: sentences on the test data.
    """

    name: str
    paths: tuple[str, ...]
    origin: Origin
    length_ms: int
    classes: tuple[str, ...]
    clips: int
    split: str
    recordings: str
    rungs: tuple[Rung, ...]
    tested: tuple[Tested, ...]
    confusion: Confusion
    firmware: Firmware | None
    missing: dict[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A reproduction of the paper's tables."""

    path: str
    report: PaperReport


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that a page shows; `command` made it."""

    subjects: tuple[Subject, ...]
    papers: tuple[Paper, ...]
    command: str
    version: str
    commit: str | None
