"""The int8 students of a run compared, and the best of them exported."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_bundle
import typer
from typer.testing import CliRunner

from export.cli import export as export_command
from export.convert import converter
from export.errors import ExportError
from export.jobs import compare as compare_module
from export.jobs.compare import Compared, Comparison, compare_run, comparison_text
from export.jobs.from_run import export_bundle
from export.jobs.text import summary
from export.model_bundle.read import read_bundle
from export.model_bundle.students import find_students

app = typer.Typer()
app.command()(export_command)


def student(name: str, correct: int, **changes: int) -> Compared:
    values = {"same": correct, "bytes": 1000, "compressed_bytes": 900} | changes
    return Compared(name=name, correct=correct, **values)


def comparison(*students: Compared) -> Comparison:
    return Comparison(
        crops=200,
        float_correct=190,
        float_bytes=4000,
        float_compressed_bytes=3600,
        students=students,
    )


def test_the_best_is_the_most_accurate():
    found = comparison(student("ptq", 180), student("qat", 185), student("pruned", 183))
    assert found.ranked == ("qat", "pruned", "ptq")
    assert found.to_dict()["best"] == "qat"


def test_of_equally_good_students_the_plainest_comes_first():
    found = comparison(student("ptq", 180), student("qat", 185), student("qat_distilled", 185))
    assert found.ranked == ("qat", "qat_distilled", "ptq")


def test_the_table_has_the_float_student_first_and_shares_in_percent():
    found = comparison(
        student("ptq", 187, same=199),
        student("clustered", 188, same=190, bytes=64360, compressed_bytes=800),
    )
    assert comparison_text(found.to_dict()).splitlines() == [
        "200 validation crops; sizes of the .tflite, and after zlib",
        "student    accuracy  agreement   bytes  compressed",
        "float       95.00 %              4,000       3,600",
        "ptq         93.50 %    99.50 %   1,000         900",
        "clustered   94.00 %    95.00 %  64,360         800",
        "best: clustered",
    ]


# --- which students there are ---


def add_finished(run: Path, name: str, *, variant: str | None = None) -> Path:
    """A copy of the run's bundle as a finished student's."""
    folder = run / "finish" / name / "bundle"
    shutil.copytree(run / "bundle", folder)
    tiny_bundle.rewrite_header(folder, variant=variant or name)
    return folder


@pytest.fixture
def handmade(tmp_path) -> Path:
    """A run with a bundle made without TensorFlow, finished in three ways."""
    tiny_bundle.handmade(tmp_path / "bundle")
    for name in ("pruned", "qat", "a_way_to_come"):
        add_finished(tmp_path, name)
    return tmp_path


def test_students_come_plainest_first_and_unknown_ways_last(handmade):
    names = list(find_students(read_bundle(handmade)))
    assert names == ["ptq", "qat", "pruned", "a_way_to_come"]


def test_one_variant_comes_with_the_plain_student_it_is_measured_against(handmade):
    plain = read_bundle(handmade)
    assert list(find_students(plain, variant="pruned")) == ["ptq", "pruned"]
    assert list(find_students(plain, variant="ptq")) == ["ptq"]


def test_a_student_that_is_not_there_is_refused_with_those_that_are(handmade):
    with pytest.raises(ExportError, match="no student 'clustered'; it has ptq, qat, pruned, a_way"):
        find_students(read_bundle(handmade), variant="clustered")


def test_a_rung_that_is_not_the_last_has_no_finished_students(handmade):
    rung = handmade / "rungs" / "0-1000ms-abc" / "bundle"
    shutil.copytree(handmade / "bundle", rung)
    assert list(find_students(read_bundle(rung))) == ["ptq"]


def test_a_finished_student_of_another_run_is_refused(handmade):
    folder = handmade / "finish" / "qat" / "bundle"
    labels = {"labels": ["no", "yes", "unknown", "silence"], "num_keywords": 2}
    (folder / "labels.json").write_text(json.dumps(labels))
    tiny_bundle.rewrite_header(folder, variant="qat")
    with pytest.raises(ExportError, match=r"qat/bundle/labels.json differs .* of another run"):
        find_students(read_bundle(handmade))


def test_a_bundle_that_says_another_variant_is_refused(handmade):
    tiny_bundle.rewrite_header(handmade / "finish" / "qat" / "bundle", variant="pruned")
    with pytest.raises(ExportError, match="must give variant 'qat', got 'pruned'"):
        find_students(read_bundle(handmade))


# --- through the converter ---


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run whose student knows every second crop's class, and a finished one that knows all."""
    from pld_tf.model_bundle.write import write_bundle

    folder = tmp_path_factory.mktemp("run")
    good, poor = tiny_bundle.trained_like(0), tiny_bundle.trained_like(1)
    contents = tiny_bundle.with_right_labels(good)
    write_bundle(folder / "bundle", model=poor, frames=tiny_bundle.FRAMES, contents=contents)
    finished = replace(contents, variant="qat")
    write_bundle(
        folder / "finish" / "qat" / "bundle",
        model=good,
        frames=tiny_bundle.FRAMES,
        contents=finished,
    )
    return folder


@pytest.fixture(scope="module")
def converted(run, tmp_path_factory) -> dict[str, Path]:
    """The .tflite of each student, by folder of its bundle and kind."""
    folder = tmp_path_factory.mktemp("converted")
    students = find_students(read_bundle(run))
    paths = compare_module.convert_students(students, folder, float_model=folder / "float.tflite")
    finished = students["qat"].directory
    converter.convert(
        saved_model=finished / "saved_model",
        representative=finished / "representative.npz",
        outputs={"float": folder / "qat_float.tflite"},
    )
    twins = {name: folder / f"{name}.tflite" for name in ("float", "qat_float")}
    return {**twins, **paths}


@pytest.fixture(autouse=True)
def reuse(request, monkeypatch) -> None:
    """Let the converter be what was converted already: one conversion serves many tests."""
    if "run" not in request.fixturenames:
        return
    run, converted = (request.getfixturevalue(name) for name in ("run", "converted"))

    def copy(conversions: Sequence[converter.Conversion]) -> None:
        for each in conversions:
            is_plain = each.saved_model.parent == run / "bundle"
            for kind, path in each.outputs.items():
                names = {"float": "float", "int8": "ptq"}
                finished = {"float": "qat_float", "int8": "qat"}
                name = (names if is_plain else finished)[kind]
                path.write_bytes(converted[name].read_bytes())

    monkeypatch.setattr(converter, "convert_all", copy)


def test_students_are_measured_on_the_float_students_crops(run, converted):
    found = compare_run(run)
    assert [each.name for each in found.students] == ["ptq", "qat"]
    plain, finished = found.students
    assert found.crops == 60
    assert finished.correct >= 54 > found.float_correct  # its own classes are the labels
    assert plain.same >= 54 > finished.same
    assert plain.bytes == converted["ptq"].stat().st_size > plain.compressed_bytes


def test_the_best_student_is_exported_and_the_manifest_has_the_table(run, converted, tmp_path):
    manifest = export_bundle(run, out=tmp_path / "out")
    assert (manifest["variant"], manifest["compared"]["best"]) == ("qat", "qat")
    assert manifest["compared"] == compare_run(run).to_dict()
    model = (tmp_path / "out" / "model.tflite").read_bytes()
    assert model == converted["qat"].read_bytes()
    assert "out: int8 (qat), " in summary(manifest, out=tmp_path / "out")


def test_the_float_twin_is_the_student_before_it_was_finished(run, converted, tmp_path):
    manifest = export_bundle(run, out=tmp_path / "out")
    twin = (tmp_path / "out" / "model_float.tflite").read_bytes()
    assert twin == converted["float"].read_bytes()
    accuracy = manifest["compared"]["float"]["accuracy"]
    assert manifest["validation"]["accuracy_float"] == accuracy


def test_golden_logits_are_the_float_twins_and_golden_output_is_the_models(run, tmp_path):
    export_bundle(run, out=tmp_path / "out")
    with (
        np.load(tmp_path / "out" / "golden.npz") as golden,
        np.load(run / "bundle" / "golden.npz") as plain,
        np.load(run / "finish" / "qat" / "bundle" / "golden.npz") as finished,
    ):
        np.testing.assert_array_equal(golden["logits"], plain["logits"])
        same = golden["model_output"].argmax(1) == finished["logits"].argmax(1)
        assert same.mean() >= 0.6


def test_a_variant_asked_for_is_taken_though_it_is_not_the_best(run, converted, tmp_path):
    manifest = export_bundle(run, out=tmp_path / "out", variant="ptq")
    assert (manifest["variant"], manifest["compared"]) == ("ptq", None)
    model = (tmp_path / "out" / "model.tflite").read_bytes()
    assert model == converted["ptq"].read_bytes()


def test_the_hash_in_the_manifest_is_of_the_bundle_that_was_taken(run, tmp_path):
    from export.system.files import sha256

    hashes = {
        name: export_bundle(run, out=tmp_path / name, variant=name)["model_bundle_sha256"]
        for name in ("ptq", "qat")
    }
    assert hashes["ptq"] == sha256(run / "bundle" / "bundle.json")
    assert hashes["qat"] == sha256(run / "finish" / "qat" / "bundle" / "bundle.json")


def test_command_without_out_prints_the_table_alone(run):
    ended = CliRunner().invoke(app, [str(run), "--int8", "--compare"])
    assert ended.exit_code == 0
    lines = ended.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == ["student", "float", "ptq", "qat"]
    assert lines[-1] == "best: qat"


def test_command_with_out_prints_the_table_and_exports(run, tmp_path):
    ended = CliRunner().invoke(app, [str(run), "--compare", "--out", str(tmp_path / "out")])
    assert ended.exit_code == 0
    assert "best: qat\n" in ended.stdout
    assert (tmp_path / "out" / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--compare", "--float"], "--compare is for int8 students; leave it out with --float"),
        (["--variant", "qat", "--int16x8", "-o", "x"], "--variant chooses among int8 students"),
        (["--variant", "best", "-o", "x"], "no student 'best'; it has ptq, qat"),
    ],
)
def test_options_that_do_not_go_together_are_refused(run, tmp_path, options, message):
    arguments = [str(tmp_path / "x") if each == "x" else each for each in options]
    ended = CliRunner().invoke(app, [str(run), *arguments])
    assert isinstance(ended.exception, ExportError)
    assert message in str(ended.exception)
    assert not (tmp_path / "x").exists()
