"""Which bundle belongs to which run."""

import hashlib
import json
from pathlib import Path

import pytest
import report_facts as made

from pld_tf.bridge.report_subjects import Pair, _told_apart, paired


@pytest.fixture
def run(tmp_path) -> Path:
    """A run whose last student was also finished by qat."""
    run = tmp_path / "run"
    for folder in ("bundle", "finish/qat/bundle", "rungs/0-1000ms-x/bundle"):
        (run / folder).mkdir(parents=True)
        (run / folder / "bundle.json").write_text(folder)
    (run / "run.json").write_text("{}")
    return run


def bundle_of(made_from: str, folder: Path) -> Path:
    """A firmware bundle of a model bundle whose header has this text."""
    folder.mkdir()
    digest = hashlib.sha256(made_from.encode()).hexdigest()
    values = made.manifest_values(model_bundle_sha256=digest)
    (folder / "manifest.json").write_text(json.dumps(values))
    return folder


@pytest.mark.parametrize("header", ["bundle", "finish/qat/bundle"])
@pytest.mark.parametrize("run_first", [True, False])
def test_a_bundle_joins_the_run_whose_student_it_is(run, tmp_path, header, run_first):
    bundle = bundle_of(header, tmp_path / "b")
    paths = [run, bundle] if run_first else [bundle, run]
    assert paired(paths) == [Pair(run=run, bundle=bundle)]


def test_a_bundle_of_another_run_or_of_a_teacher_stands_alone(run, tmp_path):
    other = bundle_of("another", tmp_path / "other")
    teacher = bundle_of("rungs/0-1000ms-x/bundle", tmp_path / "teacher")
    assert paired([other, run, teacher]) == [
        Pair(bundle=other), Pair(run=run), Pair(bundle=teacher),
    ]  # fmt: skip


def test_a_second_bundle_of_a_run_stands_alone(run, tmp_path):
    one, two = (bundle_of("bundle", tmp_path / name) for name in "12")
    assert paired([one, two, run]) == [Pair(bundle=two), Pair(run=run, bundle=one)]


def test_subjects_of_one_name_are_told_apart_by_their_paths():
    one, two, other = (
        made.subject(name=name, paths=(path,))
        for name, path in [("a", "x"), ("a", "y"), ("b", "z")]
    )
    assert [each.name for each in _told_apart([one, two, other])] == ["a (x)", "a (y)", "b"]
