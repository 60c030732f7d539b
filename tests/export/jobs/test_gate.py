"""Exports that break a rule of the gate, on students of three layers; no TensorFlow runs."""

import inspect
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import tiny_twins
import typer
from tiny_bundle import folder_bytes
from tiny_twins import three_layers
from twin_runs import CROPS, GOLDEN, TwinRun
from typer.testing import CliRunner

from export.cli import Brought
from export.cli import export as export_command
from export.errors import ExportError
from export.jobs.from_run import export_bundle
from export.jobs.text import export_text
from export.parity.verdict import Limits
from export.ports import FLOAT, REFERENCE, AudioRun, AudioStage, Harness, Skipped, Stage, Stages
from export.system.files import inventory
from export.tflite import interpreter
from firmware_harness.bundle.read import open_bundle
from firmware_harness.errors import HarnessError

GOOD, SPOILED = three_layers(), three_layers(middle=8.0)
app = typer.Typer()
app.command()(export_command)


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    return TwinRun(tmp_path / "run", {"ptq": (GOOD, GOOD)}).patch(monkeypatch).root


@pytest.fixture
def spoiled(tmp_path, monkeypatch) -> Path:
    """A run whose int8 student is quantized badly."""
    return TwinRun(tmp_path / "run", {"ptq": (SPOILED, SPOILED)}).patch(monkeypatch).root


def on_reference(folder: Path, crops: np.ndarray) -> np.ndarray:
    return interpreter.run(folder / "model.tflite", crops, resolver=interpreter.GOLDEN)


def lie(folder: Path, crops: np.ndarray) -> np.ndarray:
    """The class after the right one gets the highest score."""
    classes = on_reference(folder, crops).argmax(axis=1)
    return (100 * np.eye(4)[(classes + 1) % 4]).astype(np.int8)


def stage(name: str, runs) -> Stage:
    return Stage(name=name, against=(REFERENCE,), run=runs)


def with_stages(*models: Stage, audio: tuple[AudioStage, ...] = ()):
    return lambda: Harness(stages=Stages(models=models, audio=audio))


LIAR = with_stages(stage("same", on_reference), stage("liar", lie))


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what passes ---


def test_the_manifest_has_every_row_the_limits_and_the_stages_that_did_not_run(run, tmp_path):
    absent = stage("absent", lambda *_: Skipped(reason="there is no compiler"))
    given = with_stages(stage("same", on_reference), absent)
    told = export_bundle(run, out=tmp_path / "out", max_flips_percent=2, harness=given)
    assert json.loads(json.dumps(told)) == manifest_of(tmp_path / "out")
    rows = [
        (row["stage"], row["crops"], row["judged_flips"]) for row in told["validation"]["stages"]
    ]
    assert rows[-2:] == [("same", CROPS, 0), ("same", GOLDEN, 0)]
    assert told["validation"]["limits"] == {"loss_points": 1.0, "flips_percent": 2}
    assert told["validation"]["stages_skipped"] == {"absent": "there is no compiler"}
    assert (told["refused"], told["passed_over"]) == (None, {})
    told_to_people = export_text(told, out=tmp_path / "out")
    assert "absent: not run, there is no compiler" in told_to_people.splitlines()


def test_a_flip_of_a_crop_that_float_is_not_sure_of_is_no_loss(tmp_path, monkeypatch):
    """Logits of an eighth of the size leave float in doubt, and rounding flips a few of them."""
    last = GOOD[-1]
    timid = tiny_twins.Dense(
        name=last.name, weights=last.weights / 32, weight_scale=last.weight_scale / 32,
        scale=last.scale / 4,
    )  # fmt: skip
    layers = (*GOOD[:-1], timid)
    run = TwinRun(tmp_path / "run", {"ptq": (layers, layers)}).patch(monkeypatch).root
    told = export_bundle(run, out=tmp_path / "out", max_flips_percent=0, max_loss_points=100)
    row = next(row for row in told["validation"]["stages"] if row["crops_from"] == "validation")
    assert row["flipped"] > row["judged_flips"] == 0


def test_with_no_limits_a_liar_passes(run, tmp_path):
    told = export_bundle(run, out=tmp_path / "out", max_flips_percent=100, harness=LIAR)
    assert told["validation"]["stages"][-1]["flipped"] == GOLDEN


# --- what is refused ---


def test_a_refused_bundle_is_whole_and_kept_beside(run, tmp_path):
    with pytest.raises(ExportError, match=r"^stage 'liar' flips the label of (\d+) of \1 valid"):
        export_bundle(run, out=tmp_path / "out", harness=LIAR)
    kept = tmp_path / "out.refused"
    assert names(tmp_path) == ["out.refused", "run"]
    found = manifest_of(kept)
    assert {fault["stage"] for fault in found["refused"]["faults"]} == {"liar"}
    files = inventory(kept)
    del files["manifest.json"]
    assert found["files"] == files
    assert {"model.tflite", "kws_model.c", "golden.npz", "kws_labels.h"} <= set(files)


def test_an_older_bundle_stays_where_a_new_one_is_refused(run, tmp_path):
    export_bundle(run, out=tmp_path / "out")
    before = folder_bytes(tmp_path / "out")
    for _ in range(2):  # the second one replaces the refused bundle of the first
        with pytest.raises(ExportError, match=r"kept in \S*out\.refused"):
            export_bundle(run, out=tmp_path / "out", harness=LIAR)
    assert folder_bytes(tmp_path / "out") == before
    assert names(tmp_path) == ["out", "out.refused", "run"]


def test_what_stands_in_the_place_of_a_refused_bundle_stops_the_export_before_it_begins(
    run, tmp_path
):
    (tmp_path / "out.refused").mkdir()
    (tmp_path / "out.refused" / "mine").write_text("mine")
    with pytest.raises(ExportError, match=r"out\.refused exists and is not a firmware bundle"):
        export_bundle(run, out=tmp_path / "out")
    assert names(tmp_path / "out.refused") == ["mine"]


def test_the_command_that_is_named_takes_the_model(spoiled, tmp_path):
    arguments = [
        str(spoiled),
        "--rung",
        "1",
        "--variant",
        "ptq",
        "--out",
        str(tmp_path / "the out"),
    ]
    refused = CliRunner().invoke(app, arguments, obj=Brought(preflight=dict, harness=LIAR))
    assert isinstance(refused.exception, ExportError)
    assert "\n" not in str(refused.exception)
    command = str(refused.exception).partition("this takes it as it is: ")[2]
    found = manifest_of(tmp_path / "the out.refused")["refused"]
    assert found["command"] == command
    assert {fault["stage"] for fault in found["faults"]} == {"int8", REFERENCE, "liar"}
    program, name, *again = shlex.split(command)
    assert (program, name) == ("pld-tf", "export")
    taken = CliRunner().invoke(app, again, obj=Brought(preflight=dict, harness=LIAR))
    assert taken.exit_code == 0, taken.exception
    written = manifest_of(tmp_path / "the out")
    assert (written["variant"], written["rung"], written["refused"]) == ("ptq", 1, None)


def test_the_limits_that_a_command_may_leave_out_are_the_gates():
    given = inspect.signature(export_command).parameters
    defaults = Limits(
        loss_points=given["max_loss"].default, flips_percent=given["max_flips"].default
    )
    assert defaults == Limits()


def test_where_rounding_costs_too_much_the_layer_that_costs_most_is_named(spoiled, tmp_path):
    text = r"^int8 loses .* middle \(FULLY_CONNECTED\) costs most: .* --int16x8 may lose less\."
    with pytest.raises(ExportError, match=text):
        export_bundle(spoiled, out=tmp_path / "out")
    report = json.loads((tmp_path / "out.refused" / "quantization.json").read_text())
    assert report["layers"][0]["layer"] == "middle"


def test_where_kernels_disagree_no_layer_is_measured(run, tmp_path):
    with pytest.raises(ExportError) as refused:
        export_bundle(run, out=tmp_path / "out", harness=LIAR)
    assert "costs most" not in str(refused.value)
    assert not (tmp_path / "out.refused" / "quantization.json").exists()


def test_a_front_end_that_lies_is_refused_by_name(run, tmp_path):
    def mishear(folder: Path, audio: np.ndarray) -> AudioRun:
        with np.load(folder / "golden.npz") as golden:
            features = golden["model_input"]
        return AudioRun(features=features, outputs=lie(folder, features))

    ears = with_stages(audio=(AudioStage(name="ears", run=mishear),))
    with pytest.raises(ExportError, match=r"^stage 'ears' flips the label of .* golden crops"):
        export_bundle(run, out=tmp_path / "out", harness=ears)


def test_other_commands_refuse_a_refused_bundle_in_one_line_and_bench_takes_it(run, tmp_path):
    with pytest.raises(ExportError):
        export_bundle(run, out=tmp_path / "out", harness=LIAR)
    text = r"^pld-tf export refused \S*out\.refused: stage 'liar' flips .*: pld-tf export "
    with pytest.raises(HarnessError, match=text) as refused:
        open_bundle(tmp_path / "out.refused")
    assert "\n" not in str(refused.value)
    assert "stage 'liar'" in str(open_bundle(tmp_path / "out.refused", refused_too=True).refused)


# --- layers ---


def test_layers_that_were_asked_for_are_written_and_no_others(spoiled, tmp_path):
    everything = {"max_flips_percent": 100, "max_loss_points": 100}
    export_bundle(spoiled, out=tmp_path / "out", **everything)
    assert "quantization.json" not in names(tmp_path / "out")
    told = export_bundle(spoiled, out=tmp_path / "out", layers=True, **everything)
    assert "quantization.json" in told["files"]
    report = json.loads((tmp_path / "out" / "quantization.json").read_text())
    assert (report["layers"][0]["layer"], report["crops"]) == ("middle", CROPS)
    # The labels are the float network's own classes.
    for each in report["layers"]:
        assert each["accuracy_lost"] == each["flipped"] / CROPS


def test_layers_of_a_float_model_are_refused(run, tmp_path):
    with pytest.raises(ExportError, match="--layers tells what quantization costs; leave it out"):
        export_bundle(run, out=tmp_path / "out", kind="float", layers=True)


# --- several students ---


def finished(tmp_path: Path, monkeypatch, **students) -> Path:
    """The labels are what the finished student "qat" says; the plain one is another network."""
    other = three_layers(seed=9)
    networks = {"ptq": (other, other), "qat": (GOOD, GOOD)} | students
    return TwinRun(tmp_path / "run", networks, right=GOOD).patch(monkeypatch).root


def lie_for(layers) -> Stage:
    """Lies about one model alone."""
    content = tiny_twins.int8_model(layers)

    def runs(folder: Path, crops: np.ndarray) -> np.ndarray:
        lies = (folder / "model.tflite").read_bytes() == content
        return (lie if lies else on_reference)(folder, crops)

    return stage("liar", runs)


def test_a_finished_student_is_measured_against_a_float_twin_of_its_own(tmp_path, monkeypatch):
    """The float model beside it is of the student before it was finished: here, quite another."""
    told = export_bundle(finished(tmp_path, monkeypatch), out=tmp_path / "out")
    row = next(row for row in told["validation"]["stages"] if row["against"] == FLOAT)
    assert told["variant"] == "qat"
    assert row["flipped"] <= CROPS // 10 < told["validation"]["gained"]
    before = tiny_twins.float_model(three_layers(seed=9))
    assert (tmp_path / "out" / "model_float.tflite").read_bytes() == before


def test_where_the_most_accurate_student_does_not_pass_the_next_one_is_taken(tmp_path, monkeypatch):
    run = finished(tmp_path, monkeypatch)
    told = export_bundle(run, out=tmp_path / "out", harness=with_stages(lie_for(GOOD)))
    assert (told["variant"], told["compared"]["best"], told["refused"]) == ("ptq", "qat", None)
    assert told["passed_over"]["qat"].startswith("stage 'liar' flips the label of")
    assert names(tmp_path) == ["out", "run"]
    alone = export_bundle(run, out=tmp_path / "alone", variant="ptq")
    assert names(tmp_path / "out") == names(tmp_path / "alone")
    assert told["files"] == alone["files"]
    assert "\nqat is not taken: stage 'liar'" in export_text(told, out=tmp_path / "out")


def test_where_no_student_passes_the_most_accurate_one_is_kept(tmp_path, monkeypatch):
    with pytest.raises(ExportError, match=r"kept in \S*out\.refused"):
        export_bundle(finished(tmp_path, monkeypatch), out=tmp_path / "out", harness=LIAR)
    kept = manifest_of(tmp_path / "out.refused")
    assert kept["variant"] == "qat"
    assert list(kept["passed_over"]) == ["ptq"]


def test_a_student_that_was_asked_for_is_the_only_one_tried(tmp_path, monkeypatch):
    run = finished(tmp_path, monkeypatch)
    with pytest.raises(ExportError, match=r"--variant qat"):
        export_bundle(run, out=tmp_path / "out", variant="qat", harness=with_stages(lie_for(GOOD)))
    assert manifest_of(tmp_path / "out.refused")["passed_over"] == {}


def test_a_finished_student_that_can_not_be_converted_leaves_the_others(tmp_path, monkeypatch):
    def fails(conversions) -> None:
        if "clustered" in str(conversions[0].saved_model):
            raise ExportError("the converter was killed")
        made.convert_all(conversions)

    networks = dict.fromkeys(("ptq", "clustered"), (GOOD, GOOD))
    made = TwinRun(tmp_path / "run", networks)
    monkeypatch.setattr("export.convert.converter.convert_all", fails)
    told = export_bundle(made.root, out=tmp_path / "out")
    assert told["variant"] == "ptq"
    assert told["passed_over"] == {"clustered": "the converter was killed"}
    with pytest.raises(ExportError, match="the converter was killed"):
        export_bundle(made.root, out=tmp_path / "out", variant="clustered")
