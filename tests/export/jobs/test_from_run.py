"""From a model bundle to a firmware bundle, through the real converter."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import typer
from places import ROOT, SHARED
from tiny_bundle import (
    BINS,
    CLASSES,
    FRAMES,
    folder_bytes,
    trained_like,
    with_right_labels,
)
from typer.testing import CliRunner

from export.cli import export as export_command
from export.convert import converter
from export.errors import ExportError
from export.jobs.from_run import export_bundle
from export.ports import Harness
from export.system.files import inventory
from export.tflite import interpreter
from export.tflite.facts import inspect
from export.tflite.quantization import dequantize, quantize

app = typer.Typer()
app.command()(export_command)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from pld_tf.model_bundle.write import write_bundle

    model = trained_like()
    directory = tmp_path_factory.mktemp("run")
    write_bundle(
        directory / "bundle", model=model, frames=FRAMES, contents=with_right_labels(model)
    )
    return directory


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("firmware") / "out"
    export_bundle(run, out=out, max_loss_points=5)
    return out


@pytest.fixture
def manifest(exported):
    return json.loads((exported / "manifest.json").read_text())


def test_manifest_lists_every_other_file_as_it_is(exported, manifest):
    files = inventory(exported)
    del files["manifest.json"]
    assert manifest["files"] == files
    assert sorted(files) == [
        "feature_spec.json", "feature_tables.npz", "golden.npz", "kws_feature_spec.h",
        "kws_labels.h", "kws_model.c", "kws_model.h", "kws_model_data.c", "kws_model_data.h",
        "kws_model_tflm.cc", "kws_ops.h", "labels.json", "model.tflite", "model_float.tflite",
        "validation.npz",
    ]  # fmt: skip


def test_manifest_describes_the_model(exported, manifest):
    """Parameters and MACs worked by hand: conv 6x5 outputs of 3x3, stride 2; batch norm folds."""
    model = manifest["model"]
    assert model["bytes"] == (exported / "model.tflite").stat().st_size
    assert model["macs"] == 6 * 5 * 8 * 9 + 6 * 5 * 8 * 9 + 8 * CLASSES
    assert model["parameters"] == (72 + 8) + (72 + 8) + (8 * CLASSES + CLASSES)
    assert model["operators"] == [
        {"name": name, "count": 1}
        for name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MEAN")
    ]
    assert (model["input"]["shape"], model["input"]["dtype"]) == ([1, FRAMES, BINS, 1], "int8")
    assert (model["output"]["shape"], model["output"]["dtype"]) == ([1, CLASSES], "int8")
    assert (manifest["kind"], manifest["seed"], manifest["commit"]) == ("int8", 3, "abc")


def test_without_tflm_the_manifest_says_so_and_the_header_has_no_arena(exported, manifest):
    assert manifest["arena"] is None
    assert "ARENA" not in (exported / "kws_model_data.h").read_text()


def test_a_measured_arena_is_in_the_manifest_and_with_its_margin_in_the_header(
    run, exported, tmp_path, monkeypatch
):
    reuse(exported, monkeypatch)
    asked = []

    def measure(model):
        asked.append(model.read_bytes())
        return {"bytes": 5000, "head_bytes": 3000, "tail_bytes": 1900, "version": "1"}

    made = export_bundle(
        run, out=tmp_path / "out", max_loss_points=5, harness=lambda: Harness(measure_arena=measure)
    )
    assert asked == [(exported / "model.tflite").read_bytes()]
    assert (made["arena"]["bytes"], made["arena"]["bytes_with_margin"]) == (5000, 6144)
    header = (tmp_path / "out" / "kws_model_data.h").read_text()
    assert "#define KWS_ARENA_BYTES 6144\n" in header


def test_the_operators_of_the_header_are_those_of_the_model(exported):
    header = (exported / "kws_ops.h").read_text()
    assert "#define KWS_NUM_OPS 4\n" in header
    assert re.findall(r"= resolver\.(\w+)\(\);", header) == [
        "AddConv2D", "AddDepthwiseConv2D", "AddFullyConnected", "AddMean",
    ]  # fmt: skip


def test_validation_crops_are_stored_as_the_model_takes_them(exported, run):
    info = inspect(exported / "model.tflite")
    with (
        np.load(exported / "validation.npz") as stored,
        np.load(run / "bundle" / "validation.npz") as given,
    ):
        expected = quantize(given["features"], info.input)
        np.testing.assert_array_equal(stored["model_input"], expected)
        np.testing.assert_array_equal(stored["labels"], given["labels"])


def test_of_many_validation_crops_some_are_kept_evenly_spread(run, exported, tmp_path, monkeypatch):
    reuse(exported, monkeypatch)
    monkeypatch.setattr("export.jobs.bundle_files.MAX_CARRIED_CROPS", 20)
    export_bundle(run, out=tmp_path / "out", max_loss_points=5)
    with (
        np.load(tmp_path / "out" / "validation.npz") as kept,
        np.load(exported / "validation.npz") as every,
    ):
        for name in ("model_input", "labels"):
            np.testing.assert_array_equal(kept[name], every[name][::3])


def test_manifest_repeats_where_the_student_comes_from(run, manifest):
    header = json.loads((run / "bundle" / "bundle.json").read_text())
    assert (manifest["data_key"], manifest["rung"], manifest["length_ms"]) == ("corpus", 1, 52)
    for name in ("recipe_name", "recipe", "seed", "commit", "versions"):
        assert manifest[name] == header[name]


def test_quantization_in_the_manifest_is_what_the_interpreter_reads(exported, manifest):
    reader = interpreter.Interpreter(
        str(exported / "model.tflite"), experimental_op_resolver_type=interpreter.GOLDEN
    )
    (into,), (out_of,) = reader.get_input_details(), reader.get_output_details()
    for given, read in ((manifest["model"]["input"], into), (manifest["model"]["output"], out_of)):
        scale, zero_point = read["quantization"]
        assert given["zero_point"] == zero_point
        assert np.float32(given["scale"]) == np.float32(scale) > 0


def test_int8_stays_near_float_on_the_validation_crops(manifest):
    measured = manifest["validation"]
    assert measured["crops"] == 60
    assert measured["accuracy_float"] == 1.0  # its own classes are the labels
    assert measured["accuracy_int8"] == measured["agreement"] >= 0.9
    assert 0 < measured["max_logit_difference_steps"] < 20


def test_golden_output_is_the_reference_kernels_on_the_quantized_features(exported, run):
    info = inspect(exported / "model.tflite")
    with (
        np.load(exported / "golden.npz") as golden,
        np.load(run / "bundle" / "golden.npz") as given,
    ):
        for name in ("audio", "features", "logits"):
            np.testing.assert_array_equal(golden[name], given[name])
        assert golden["model_input"].dtype == golden["model_output"].dtype == np.int8
        difference = dequantize(golden["model_input"], info.input) - golden["features"]
        inside = np.abs(golden["model_input"]) < 127
        assert np.abs(difference[inside]).max() <= info.input.scale * 0.5001
        steps = dequantize(golden["model_output"], info.output) - golden["logits"]
        assert np.abs(steps).max() < 20 * info.output.scale
        again = interpreter.run(
            exported / "model.tflite", golden["model_input"], resolver=interpreter.GOLDEN
        )
        np.testing.assert_array_equal(golden["model_output"], again)


def test_the_same_bundle_twice_gives_the_same_bytes(run, exported, tmp_path):
    export_bundle(run / "bundle", out=tmp_path / "again", max_loss_points=5)
    assert folder_bytes(tmp_path / "again") == folder_bytes(exported)


def test_no_name_of_the_process_that_trained_gets_into_the_model(exported):
    names = re.findall(rb"[a-z0-9_]*conv2d_\d+", (exported / "model.tflite").read_bytes())
    assert names == []


@pytest.mark.parametrize(("kind", "dtype"), [("int16x8", "int16"), ("float", "float32")])
def test_the_other_kinds_export_too(kind, dtype, run, tmp_path):
    manifest = export_bundle(run, out=tmp_path / "out", kind=kind, max_loss_points=5)
    assert (manifest["model"]["input"]["dtype"], manifest["kind"]) == (dtype, kind)
    assert manifest["validation"][f"accuracy_{kind}"] >= 0.95
    with np.load(tmp_path / "out" / "golden.npz") as golden:
        assert golden["model_output"].dtype == dtype


def test_operators_left_in_float_are_named_and_nothing_is_written(
    run, exported, tmp_path, monkeypatch
):
    info = inspect(exported / "model_float.tflite")
    assert info.float_operators == ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MEAN")
    reuse(exported, monkeypatch)
    monkeypatch.setattr("export.jobs.students.inspect", lambda path: info)
    monkeypatch.setattr("export.jobs.students._check_ends", lambda *_, **__: None)
    with pytest.raises(ExportError, match=r"4 kinds .*\(CONV_2D, DEPTHWISE_CONV_2D, FULLY"):
        export_bundle(run, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_saved_model_of_another_run_is_refused(run, exported, tmp_path, monkeypatch):
    reuse(exported, monkeypatch)
    monkeypatch.setattr("export.model_bundle.read._crop_shape", lambda *_: (FRAMES, BINS))
    info = inspect(exported / "model.tflite")
    shorter = {"shape": (1, FRAMES - 2, BINS, 1), "dtype": "int8", "scale": 1.0, "zero_point": 0}
    changed = type(info)(**{**vars(info), "input": type(info.input)(**shorter)})
    monkeypatch.setattr("export.jobs.students.inspect", lambda path: changed)
    with pytest.raises(ExportError, match=r"must become int8 \[1, 12, 10, 1\], got int8 \[1, 10"):
        export_bundle(run, out=tmp_path / "out")


def reuse(exported: Path, monkeypatch) -> None:
    """Let the converter be the files that were exported already: one conversion serves many."""

    def copy(conversions: Sequence[converter.Conversion]) -> None:
        names = {"int8": "model.tflite", "float": "model_float.tflite"}
        for each in conversions:
            for kind, path in each.outputs.items():
                path.write_bytes((exported / names[kind]).read_bytes())

    monkeypatch.setattr(converter, "convert_all", copy)


def test_a_full_disk_is_reported_and_nothing_stays(run, exported, tmp_path, monkeypatch):
    reuse(exported, monkeypatch)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("export.jobs.from_run.write_json", full)
    with pytest.raises(OSError, match="No space left on device") as refused:
        export_bundle(run, out=tmp_path / "out", max_loss_points=5)
    assert refused.value.filename == str(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_for_the_converter_is_not_blamed_on_the_model(
    run, tmp_path, monkeypatch
):
    told = {"errno": errno.ENOSPC, "reason": "No space left on device", "path": "/full/a.tflite"}
    program = f"import sys; print('a warning\\n' + {json.dumps(told)!r}, file=sys.stderr);"
    program += f"sys.exit({os.EX_IOERR})"
    monkeypatch.setattr(converter, "child_command", lambda job: [sys.executable, "-c", program])
    with pytest.raises(OSError, match="No space left") as refused:
        export_bundle(run, out=tmp_path / "out", max_loss_points=5)
    assert refused.value.filename == "/full/a.tflite"


def test_a_converter_that_is_killed_is_reported_by_its_signal(run, tmp_path, monkeypatch):
    program = "import os, sys; print('last words', file=sys.stderr); sys.stderr.flush();"
    program += f"os.kill(os.getpid(), {int(signal.SIGSEGV)})"
    monkeypatch.setattr(converter, "child_command", lambda job: [sys.executable, "-c", program])
    with pytest.raises(ExportError, match=r"was killed by SIGSEGV .*last lines: last words"):
        export_bundle(run, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_converter_that_fails_is_reported_by_its_last_lines(run, tmp_path):
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model" / "saved_model.pb").write_bytes(b"garbage")
    with pytest.raises(ExportError, match=r"ended with code 1 .*[Cc]annot parse") as caught:
        converter.convert(
            saved_model=tmp_path / "saved_model",
            representative=run / "bundle" / "representative.npz",
            outputs={"float": tmp_path / "x.tflite"},
        )
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x.tflite").exists()


def test_a_folder_named_export_where_the_user_works_does_no_harm(tmp_path, monkeypatch):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "__init__.py").write_text("raise SystemExit('wrong package')")
    job = tmp_path / "job.json"
    job.write_text("{}")
    ended = subprocess.run(
        [*converter.child_command(job)[:3], "export.errors"],
        cwd=tmp_path,
        env=converter._child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("content", [b"", b"hello world", bytes(range(64))])
def test_what_is_no_tflite_is_named(content, tmp_path):
    (tmp_path / "x.tflite").write_bytes(content)
    with pytest.raises(ExportError, match=r"x\.tflite is not a TFLite model"):
        inspect(tmp_path / "x.tflite")


def test_a_truncated_or_changed_tflite_is_read_or_named(exported, tmp_path):
    whole = (exported / "model.tflite").read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "x.tflite"
    named = 0
    for _ in range(200):
        damaged = bytearray(whole[: rng.integers(8, len(whole))])
        damaged[rng.integers(8, len(damaged))] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            inspect(path)
        except ExportError as error:
            named += 1
            assert "x.tflite is not a TFLite model" in str(error)
    assert named > 0


def test_the_mlperf_tiny_model_has_its_published_macs_and_size():
    path = SHARED / "models" / "mlperf_tiny_kws_ref_model.tflite"
    if not path.is_file():
        pytest.skip("the MLPerf Tiny model is not here")
    info = inspect(path)
    assert (path.stat().st_size, info.macs) == (53_936, 2_656_768)
    assert info.float_operators == ()


def test_command_prints_one_line_or_json(run, exported, tmp_path, monkeypatch):
    reuse(exported, monkeypatch)
    arguments = [str(run), "--out", str(tmp_path / "out"), "--max-loss", "5"]
    line = CliRunner().invoke(app, arguments)
    assert line.exit_code == 0
    assert re.search(r"out: int8, [\d,]+ bytes, 4,352 MACs; on 60 validation crops", line.stdout)
    as_json = CliRunner().invoke(app, [*arguments, "--int8", "--json"])
    assert json.loads(as_json.stdout) == json.loads((exported / "manifest.json").read_text())


def test_command_exports_the_rung_asked_for(run, exported, tmp_path, monkeypatch):
    reuse(exported, monkeypatch)
    arguments = [str(run), "--out", str(tmp_path / "out"), "--max-loss", "5"]
    assert CliRunner().invoke(app, [*arguments, "--rung", "1"]).exit_code == 0
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["rung"] == 1
    ended = CliRunner().invoke(app, [*arguments, "--rung", "0"])
    assert isinstance(ended.exception, ExportError)


def test_command_refuses_two_kinds(run, tmp_path):
    ended = CliRunner().invoke(app, [str(run), "--out", str(tmp_path / "o"), "--int8", "--float"])
    assert isinstance(ended.exception, ExportError)
    assert "--int8 and --float exclude each other" in str(ended.exception)


def test_loading_the_command_loads_no_tensorflow():
    program = "import sys, export.cli; raise SystemExit('tensorflow' in sys.modules)"
    root = ROOT
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
