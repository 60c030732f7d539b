"""What the page reads of a firmware bundle: its manifest, and the cost of each layer."""

from typing import Annotated, Literal

from pydantic import Field

from pld_tf.report.checked import Checked, Count, Fraction, Name


class ParityStage(Checked):
    """A row of `validation.stages`."""

    stage: Name
    against: Name
    crops_from: Name
    crops: Count
    what: Name
    values: Count
    differing: Count
    by_steps: dict[str, Count]
    flipped: Count | None


class Limits(Checked):
    """What a model was judged by."""

    loss_points: float
    flips_percent: float


class Validation(Checked):
    """`validation` of a manifest."""

    crops: Count
    accuracy_float: Fraction
    loss_points: float
    loss_interval_points: tuple[float, float]
    limits: Limits
    agreement: Fraction
    stages: list[ParityStage]
    stages_skipped: dict[str, str]


class ExactRow(Checked):
    """A row of `parity`: bytes of the C against TFLite Micro's."""

    stage: Name
    against: Name
    what: Name
    inputs: Count
    values: Count
    differing: Count


class Exact(Checked):
    """`parity` of a manifest."""

    stages: list[ExactRow]
    skipped: dict[str, str]


class ModelFacts(Checked):
    """`model` of a manifest."""

    bytes: Count
    parameters: Count
    macs: Count


class Arena(Checked):
    """`arena` of a manifest."""

    bytes: Count
    bytes_with_margin: Count
    version: Name


class Layer(Checked):
    """A layer of the generated C."""

    name: Name
    operator: Name
    function: Name
    macs: Count
    instructions: Count | None


class CModel(Checked):
    """`c_model` of a manifest."""

    scratch_bytes: Count
    layers: list[Layer]


class PerHour(Checked):
    """`tuned.false_accepts_per_hour`."""

    wanted: float
    measured: float | None


class Tuned(Checked):
    """`tuned` of a decision."""

    split: Name
    hours: Annotated[float, Field(gt=0)]
    false_accepts_per_hour: PerHour
    false_reject_rate: Fraction | None


class Decision(Checked):
    """`decision` of a manifest."""

    hops_per_inference: Annotated[int, Field(ge=1)]
    smoothing: Annotated[int, Field(ge=1)]
    refractory_ms: Count
    thresholds: dict[str, Count]
    tuned: Tuned | None


class Fault(Checked):
    """A rule that a refused model breaks."""

    stage: Name
    why: Name


class Refused(Checked):
    """Why pld-tf export refused a model."""

    faults: list[Fault]
    command: Name


class Manifest(Checked):
    """`manifest.json` of a firmware bundle that was made from a run."""

    format: Literal[1]
    kind: Name
    recipe_name: Name
    seed: int
    data_key: Name
    rung: Count
    length_ms: Count
    commit: Name | None
    versions: dict[str, str]
    export_versions: dict[str, str]
    model_bundle_sha256: Name
    variant: Name | None
    refused: Refused | None = None
    model: ModelFacts
    validation: Validation
    arena: Arena | None
    c_model: CModel | None
    parity: Exact | None
    decision: Decision | None


class LayerCost(Checked):
    """What rounding one layer alone costs."""

    layer: Name
    divergence: Annotated[float, Field(ge=0)]
    flipped: Count
    accuracy_lost: float


class LayerCosts(Checked):
    """`quantization.json`."""

    format: Literal[1]
    crops: Count
    layers: list[LayerCost]
