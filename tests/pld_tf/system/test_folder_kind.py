"""Each kind of folder is told by name where another one is needed."""

import pytest

from export.errors import ExportError
from export.jobs.from_tflite import export_tflite
from export.jobs.set_decision import read_decision
from export.model_bundle.read import find_bundle
from firmware_harness.bundle.read import open_bundle
from firmware_harness.errors import HarnessError
from pld_tf.errors import PldError
from pld_tf.run.folder import read_run

ERRORS = (ExportError, HarnessError, PldError)


@pytest.fixture
def run(tmp_path):
    """A run folder with a model bundle; beside it a firmware bundle."""
    for name, marker in (
        ("my run", "run.json"),
        ("my run/bundle", "bundle.json"),
        ("firmware", "manifest.json"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / marker).write_text("{}")
    return tmp_path / "my run"


@pytest.mark.parametrize(
    "reads", [open_bundle, read_decision], ids=["bench, listen, flash", "tune"]
)
@pytest.mark.parametrize(("given", "kind"), [(".", "run folder"), ("bundle", "model bundle")])
def test_where_a_firmware_bundle_is_needed_the_export_is_named(run, reads, given, kind):
    path = run / given
    with pytest.raises(ERRORS) as told:
        reads(path)
    assert str(told.value) == (
        f"{path} is a {kind}, but a firmware bundle is needed. Make one: pld-tf export "
        f"'{path}' --out BUNDLE"
    )


@pytest.mark.parametrize(
    "reads", [find_bundle, read_run], ids=["export", "evaluate, doctor --with"]
)
def test_where_a_run_is_needed_a_firmware_bundle_is_told(run, reads):
    with pytest.raises(
        ERRORS, match=r"is a firmware bundle, but a run folder is needed\. .*distill"
    ):
        reads(run.parent / "firmware")


def test_where_a_run_is_needed_its_model_bundle_leads_to_it(run):
    with pytest.raises(PldError, match=rf"is a model bundle, but .* belongs to this run: {run}"):
        read_run(run / "bundle")


@pytest.mark.parametrize("reads", [open_bundle, read_decision, find_bundle, read_run])
def test_any_other_folder_is_told_what_is_missing(tmp_path, reads):
    with pytest.raises(ERRORS, match=r"firmware bundle|run folder") as told:
        reads(tmp_path)
    assert str(tmp_path) in str(told.value)


@pytest.mark.parametrize(
    ("given", "kind"), [("firmware", "firmware bundle"), ("my run", "run folder"), (".", "folder")]
)
def test_a_folder_given_as_a_tflite_is_told(run, given, kind):
    with pytest.raises(ExportError, match=rf"is a {kind}, but a \.tflite file is needed"):
        export_tflite(run.parent / given, out=run.parent / "out")


def test_a_tflite_given_as_a_run_is_sent_to_its_option(tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"")
    with pytest.raises(ExportError, match=r"is a file, .*--from-tflite"):
        find_bundle(tmp_path / "m.tflite")
