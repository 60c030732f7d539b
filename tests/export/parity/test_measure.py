"""The parity gate on models of three layers, with stages that agree, lie, or are not there."""

from pathlib import Path

import numpy as np
import pytest
import tiny_bundle
import tiny_twins
from tiny_twins import three_layers

from export.model_bundle.read import ModelBundle
from export.parity import measure as parity_gate
from export.parity.measure import TENSORFLOW, Measured, measure
from export.parity.rows import Row
from export.ports import FLOAT, REFERENCE, AudioRun, AudioStage, Skipped, Stage, Stages
from export.tflite import interpreter
from export.tflite.facts import inspect
from export.tflite.quantization import quantize

VALIDATION, GOLDEN, SAMPLES = 60, 3, 52
LAYERS = three_layers()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Both models of a firmware bundle. Read-only."""
    path = tmp_path_factory.mktemp("bundle")
    (path / parity_gate.MODEL).write_bytes(tiny_twins.int8_model(LAYERS))
    (path / parity_gate.FLOAT_MODEL).write_bytes(tiny_twins.float_model(LAYERS))
    return path


def student(layers=LAYERS) -> ModelBundle:
    """Its crops, labels and golden logits are those of the float network."""
    validation, golden = tiny_twins.crops(VALIDATION, seed=2), tiny_twins.crops(GOLDEN, seed=3)
    return ModelBundle(
        directory=Path("student"),
        header={},
        feature_spec={},
        labels=tiny_bundle.LABELS,
        num_keywords=2,
        frames=12,
        bins=10,
        validation_features=validation,
        validation_labels=tiny_twins.logits(layers, validation).argmax(axis=1).astype(np.int32),
        golden_audio=np.arange(GOLDEN * SAMPLES, dtype=np.int16).reshape(GOLDEN, SAMPLES),
        golden_features=golden,
        golden_logits=tiny_twins.logits(layers, golden),
    )


def measured(folder: Path, *models: Stage, audio: tuple[AudioStage, ...] = ()) -> Measured:
    return measure(
        folder,
        bundle=student(),
        model=inspect(folder / parity_gate.MODEL),
        float_model=folder / parity_gate.FLOAT_MODEL,
        stages=Stages(models=models, audio=audio),
    )


def rows(found: Measured, stage: str) -> list[Row]:
    return [row for row in found.rows if row.stage == stage]


def on_reference(folder: Path, crops: np.ndarray) -> np.ndarray:
    return interpreter.run(folder / parity_gate.MODEL, crops, resolver=interpreter.GOLDEN)


def stage(name: str, run=on_reference, *, against: tuple[str, ...] = (REFERENCE,)) -> Stage:
    return Stage(name=name, against=against, run=run)


def lie(folder: Path, crops: np.ndarray) -> np.ndarray:
    """The class after the right one gets the highest score."""
    classes = on_reference(folder, crops).argmax(axis=1)
    return (100 * np.eye(4)[(classes + 1) % 4]).astype(np.int8)


def a_step_more(folder: Path, crops: np.ndarray) -> np.ndarray:
    return on_reference(folder, crops) + np.int8(1)


def not_here(folder: Path, crops: np.ndarray) -> Skipped:
    return Skipped(reason="there is no compiler")


# --- stages that are always there ---


def test_tensorflow_float_and_int8_are_compared_without_any_other_stage(folder):
    found = measured(folder)
    assert [(row.stage, row.against, row.crops_from, row.crops) for row in found.rows] == [
        (FLOAT, TENSORFLOW, "golden", GOLDEN),
        (REFERENCE, FLOAT, "validation", VALIDATION),
        (REFERENCE, FLOAT, "golden", GOLDEN),
    ]
    assert found.skipped == {}


def test_a_float_model_of_the_same_sums_differs_in_nothing(folder):
    (row,) = rows(measured(folder), FLOAT)
    assert (row.values, row.differing, row.flipped) == (GOLDEN * 4, 0, 0)


def test_int8_against_float_is_counted_as_on_paper(folder):
    """Rounded layer by layer in NumPy, then counted in steps of the last layer's scale."""
    crops = student().validation_features
    exact = tiny_twins.logits(LAYERS, crops) / LAYERS[-1].scale
    stored = on_reference(folder, quantize(crops, inspect(folder / "model.tflite").input))
    steps = np.rint(np.abs(stored - exact.astype(np.float64))).astype(int).ravel().tolist()
    row = rows(measured(folder), REFERENCE)[0]
    assert row.by_steps == {step: steps.count(step) for step in sorted({*steps} - {0})}
    assert row.differing > 0
    flipped = int((stored.argmax(axis=1) != exact.argmax(axis=1)).sum())
    assert row.flipped == row.flipped_from_float == flipped


# --- stages that are brought ---


def test_a_stage_that_agrees_differs_in_nothing_on_both_kinds_of_crops(folder):
    found = rows(measured(folder, stage("same")), "same")
    assert [(row.crops_from, row.crops, row.values) for row in found] == [
        ("validation", VALIDATION, 4 * VALIDATION), ("golden", GOLDEN, 4 * GOLDEN),
    ]  # fmt: skip
    assert [(row.differing, row.flipped) for row in found] == [(0, 0), (0, 0)]


def test_a_stage_a_step_off_in_every_logit_flips_none(folder):
    found = rows(measured(folder, stage("shifted", a_step_more)), "shifted")
    assert [row.by_steps for row in found] == [{1: 4 * VALIDATION}, {1: 4 * GOLDEN}]
    assert [row.flipped for row in found] == [0, 0]


def test_a_stage_that_lies_flips_every_label(folder):
    found = rows(measured(folder, stage("liar", lie)), "liar")
    assert [row.flipped for row in found] == [VALIDATION, GOLDEN]


def test_flips_from_float_are_told_beside_those_from_the_stage_before(folder):
    """What follows a liar agrees with it, and both are as far from float."""
    found = measured(folder, stage("liar", lie), stage("follower", lie, against=("liar",)))
    row = rows(found, "follower")[0]
    assert (row.against, row.flipped) == ("liar", 0)
    assert row.flipped_from_float == rows(found, "liar")[0].flipped_from_float > VALIDATION // 2


def test_a_stage_takes_crops_as_the_model_stores_them_in_one_call(folder):
    taken: list[np.ndarray] = []

    def note(folder: Path, crops: np.ndarray) -> np.ndarray:
        taken.append(crops)
        return on_reference(folder, crops)

    measured(folder, stage("noting", note))
    (crops,) = taken
    given = student()
    every = np.concatenate([given.validation_features, given.golden_features])
    expected = quantize(every, inspect(folder / parity_gate.MODEL).input)
    np.testing.assert_array_equal(crops, expected)
    assert crops.dtype == np.int8


def test_stages_take_no_more_crops_than_the_bundle_carries_and_tflite_all(folder, monkeypatch):
    monkeypatch.setattr(parity_gate, "MAX_CARRIED_CROPS", 20)
    found = measured(folder, stage("liar", lie))
    assert rows(found, REFERENCE)[0].crops == VALIDATION
    assert [row.flipped for row in rows(found, "liar")] == [20, GOLDEN]


def test_a_stage_that_can_not_run_is_told_with_its_reason_and_has_no_row(folder):
    found = measured(folder, stage("absent", not_here), stage("same"))
    assert found.skipped == {"absent": "there is no compiler"}
    assert rows(found, "absent") == []
    assert len(rows(found, "same")) == 2


def test_a_stage_is_compared_with_the_first_named_one_that_ran(folder):
    both = ("absent", "shifted", REFERENCE)
    found = measured(
        folder,
        stage("absent", not_here),
        stage("shifted", a_step_more),
        stage("same", against=both),
    )
    assert [(row.against, row.by_steps) for row in rows(found, "same")] == [
        ("shifted", {1: 4 * VALIDATION}), ("shifted", {1: 4 * GOLDEN}),
    ]  # fmt: skip


def test_where_none_of_them_ran_it_is_compared_with_the_reference(folder):
    found = measured(folder, stage("absent", not_here), stage("same", against=("absent",)))
    assert {row.against for row in rows(found, "same")} == {REFERENCE}


# --- from audio ---


def hear(folder: Path, audio: np.ndarray) -> AudioRun:
    """A front end that gives the golden features, but for two that are three steps off."""
    assert audio.dtype == np.int16
    info = inspect(folder / parity_gate.MODEL)
    features = quantize(student().golden_features[: len(audio)], info.input)
    features[0, 0, :2] += np.int8(3)
    return AudioRun(features=features, outputs=on_reference(folder, features))


def test_a_front_end_has_a_row_of_features_and_one_of_logits(folder):
    found = rows(measured(folder, audio=(AudioStage(name="ears", run=hear),)), "ears")
    features, logits = found
    assert (features.what, features.against, features.values) == ("features", TENSORFLOW, 360)
    assert features.by_steps == {3: 2}
    assert (features.flipped, features.flipped_from_float) == (None, None)
    assert (logits.what, logits.against, logits.values) == ("logits", REFERENCE, 12)
    assert 0 < logits.differing <= 4  # of the one crop


def test_a_front_end_that_can_not_run_is_told(folder):
    deaf = AudioStage(name="ears", run=not_here)
    assert measured(folder, audio=(deaf,)).skipped == {"ears": "there is no compiler"}
