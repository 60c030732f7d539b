import errno
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_run

from export.model_bundle.read import read_bundle
from pld_tf.distill.ladder import RungResult
from pld_tf.errors import PldError
from pld_tf.features.log_mel import log_mel
from pld_tf.run import folder as run_module
from pld_tf.run.folder import read_run
from pld_tf.run.train import distill, rung_line

COMMAND = (sys.executable, "-c", "from pld_tf.commands.main import main; main()", "distill")
# Long enough to be stopped in its middle.
EPOCHS = 25
# A stopped run has other logs and checkpoints; these must be the same bytes.
COMPARED = (
    "rungs/*/weights.npz",
    "rungs/*/metrics.json",
    "rungs/*/bundle/**/*.*",
    "bundle/**/*.*",
)


pytestmark = pytest.mark.usefixtures("tiny_cache")


def run(tiny: Path, run_dir: Path, *, seed: int = 0, data: str = "tones", **changes) -> list[str]:
    said: list[str] = []
    distill(
        recipe=tiny_run.make_recipe(**changes),
        recipe_name="tiny",
        data=tiny / data,
        run_dir=run_dir,
        seed=seed,
        skip_bad=False,
        say=said.append,
    )
    return said


# One rung of a small network.
QUICK = {"input_lengths_ms": [500], "epochs": 1, **tiny_run.SMALL}


def test_a_run_knows_what_it_was_made_from(tiny):
    run = read_run(tiny / "run")
    assert (run.recipe, run.recipe_name, run.seed) == (tiny_run.make_recipe(), "tiny", 0)
    values = json.loads((tiny / "run" / "run.json").read_text())
    assert values["versions"]["numpy"]


def test_a_run_ends_with_a_bundle_of_its_last_student(tiny):
    bundle = read_bundle(tiny / "run")
    assert bundle.frames == tiny_run.make_recipe().features.frames(2000)
    assert list(bundle.labels) == ["one", "two", "unknown", "silence"]
    assert bundle.num_keywords == 2
    assert len(bundle.validation_labels) == 16


def test_every_other_rung_keeps_a_bundle_of_its_own(tiny):
    (folder,) = (tiny / "run" / "rungs").glob("0-*/bundle")
    assert read_bundle(folder).frames == tiny_run.make_recipe().features.frames(4000)


@pytest.mark.parametrize(
    "protocol",
    ["random", *(pytest.param(x, marks=pytest.mark.slow) for x in ("centre", "loudest"))],
)
def test_a_run_validated_by_any_protocol_ends_with_a_bundle(tiny, tmp_path, protocol):
    run(tiny, tmp_path, validation_protocol=protocol, **QUICK)
    bundle = read_bundle(tmp_path)
    assert len(bundle.validation_labels) == (80 if protocol == "random" else 16)
    spec = tiny_run.make_recipe().features
    heard = log_mel(bundle.golden_audio.astype(np.float32), spec).numpy()[..., 0]
    np.testing.assert_allclose(bundle.golden_features, heard, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["rungs/1-*/weights.npz", "rungs/1-*/metrics.json", "rungs/0-*/checkpoint.npz"]
)
def test_a_damaged_file_of_a_run_is_one_line_with_the_way_out(tiny, tmp_path, name):
    shutil.copytree(tiny / "run", tmp_path / "run")
    (path,) = (tmp_path / "run").glob(name)
    path.write_bytes(path.read_bytes()[:-30])
    if path.name == "checkpoint.npz":
        path.with_name("metrics.json").unlink()
    with pytest.raises(PldError, match=f"{path.parent} is damaged: .*Remove that folder"):
        run(tiny, tmp_path / "run")


def test_a_damaged_packed_corpus_is_one_line_with_the_way_out(tiny, tmp_path, monkeypatch):
    cache = shutil.copytree(tiny / "cache", tmp_path / "cache")
    monkeypatch.setenv("PLD_TF_CACHE", str(cache))
    for shard in cache.glob("*/train-00000.tfrecord"):
        content = bytearray(shard.read_bytes())
        content[1000] ^= 1
        shard.write_bytes(content)
    with pytest.raises(PldError, match=r"the packed corpus .* is damaged: .*Remove that folder"):
        run(tiny, tmp_path / "run", **QUICK)


def test_a_recipe_that_fills_no_batch_leaves_no_run_folder(tiny, tmp_path):
    with pytest.raises(
        PldError, match=r"batch_size = 64\); add clips, or set training\.batch_size=16\."
    ):
        run(tiny, tmp_path / "run", batch_size=64)
    assert not (tmp_path / "run").exists()


def test_going_on_with_other_code_is_said(tiny, tmp_path, monkeypatch):
    shutil.copytree(tiny / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "bundle")
    monkeypatch.setattr(run_module, "source_commit", lambda: "another")
    assert any("was begun with other code" in line for line in run(tiny, tmp_path / "run"))


def test_a_run_folder_that_can_not_be_made_is_one_line(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PldError, match=r"the run folder .*file can't be made: File exists"):
        run(tiny, tmp_path / "file")


def test_a_full_disk_stops_with_one_line(tiny, tmp_path, monkeypatch):
    def full(*arguments: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pld_tf.distill.rung.write_npz", full)
    with pytest.raises(OSError, match="No space left on device") as stopped:
        run(tiny, tmp_path / "run", **QUICK)
    assert stopped.value.filename == str(tmp_path / "run")


def test_a_finished_run_is_told_again_and_left_alone(tiny):
    before = tiny_run.file_bytes(tiny / "run", "**/*.*")
    said = run(tiny, tiny / "run")
    told = [line.split(":")[0] for line in said if line.startswith("rung")]
    assert told == ["rung 0 (1000 ms)", "rung 1 (500 ms)"]
    assert tiny_run.file_bytes(tiny / "run", "**/*.*") == before


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"seed": 7}, "seed 0, now 7"),
        ({"batch_size": 32}, "training.batch_size = 16, now 32"),
        (
            {"input_lengths_ms": [1000, 600]},
            r"ladder.input_lengths_ms = \[1000, 500\], now \[1000, 600\]",
        ),
        ({"temperature": 3.0, "seed": 1}, "seed 0, now 1; teaching.temperature = 2.0, now 3.0"),
    ],
)
def test_a_folder_of_another_run_is_refused_with_the_difference(tiny, changes, difference):
    with pytest.raises(PldError, match=f"was made with {difference}. Give another --run-dir"):
        run(tiny, tiny / "run", **changes)


def test_a_folder_of_other_data_is_refused(tiny):
    if not (tiny / "other").is_dir():
        tiny_run.make_corpus(tiny / "other", seed=1)
    with pytest.raises(PldError, match="was made with other data, or data that has changed"):
        run(tiny, tiny / "run", data="other")


def test_another_description_is_no_other_recipe(tiny):
    said = run(tiny, tiny / "run", description="the same tones")
    assert [line[:7] for line in said if line.startswith("rung")] == ["rung 0 ", "rung 1 "]


def test_a_misspelt_keyword_leaves_no_run_folder(tiny, tmp_path):
    with pytest.raises(PldError, match=r"keyword 'tow'.* closest is 'two'"):
        run(tiny, tmp_path / "run", keywords=["one", "tow"])
    assert not (tmp_path / "run").exists()


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(PldError, match=r"is no run folder: run.json is missing"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "can't be read as a run"),
        ("[]", "can't be read as a run"),
        ("{}", "can't be read as a run: KeyError"),
        ('{"format": 99}', "has format 99; this version reads 2"),
        ('{"format": 2, "recipe_name": "x", "recipe": {}}', "description is missing"),
    ],
)
def test_a_broken_run_file_is_named(tmp_path, text, message):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(PldError, match=message) as refused:
        read_run(tmp_path)
    assert str(tmp_path / "run.json") in str(refused.value)


def test_a_rungs_line_gives_student_teacher_and_protocol(tmp_path):
    metrics = {"student_accuracy": 0.914, "teacher_accuracy": 0.9531, "validation_clips": 700,
               "protocol": "loudest", "epochs": 40}  # fmt: skip
    result = RungResult(
        number=1, network=0, length_ms=800, folder=tmp_path, student=None, metrics=metrics
    )
    line = (
        "rung 1 (800 ms): student 91.4 %, teacher 95.3 % on 700 validation clips (loudest), "
        "best of 40 epochs"
    )
    assert rung_line(result) == line
    heard = {"of_keywords": 3, "keywords": 2, "all_keywords": 3, "of_other_words": 0, "speakers": 1}
    assert (
        "on 700 validation clips from 3 recordings of 2 of 3 keywords and 0 of other words, 1 "
        in (rung_line(replace(result, metrics=metrics | {"recordings": heard})))
    )
    stored = {"crops": 42496, "bytes": 1_707_944, "crops_per_second": 683.4}
    told = replace(result, metrics=metrics | {"soft_labels": stored})
    assert rung_line(told) == f"{line}; 42,496 soft labels, 1.7 MB, made at 683 crops/s"
    assert rung_line(replace(result, network=2)).startswith("rung 1 (800 ms, network 3): ")


@pytest.fixture(scope="module")
def undisturbed(tiny, tmp_path_factory) -> dict[str, bytes]:
    """What a run of `EPOCHS` epochs leaves when nothing stops it."""
    run_dir = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLD_TF_CACHE", str(tiny / "cache"))
        run(tiny, run_dir, epochs=EPOCHS)
    return results(run_dir)


def results(run_dir: Path) -> dict[str, bytes]:
    parts = [tiny_run.file_bytes(run_dir, pattern) for pattern in COMPARED]
    return {name: content for part in parts for name, content in part.items()}


def start(tiny: Path, run_dir: Path) -> subprocess.Popen:
    options = ["--data", tiny / "tones", "--run-dir", run_dir, "--set", f"training.epochs={EPOCHS}"]
    return subprocess.Popen(
        [*COMMAND, tiny / "tiny.toml", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(run_dir: Path, pattern: str, process: subprocess.Popen) -> None:
    """Until the process has written such a file; without busy waiting that slows it down."""
    while not any(run_dir.glob(pattern)):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


@pytest.mark.slow
def test_two_processes_do_not_train_in_one_folder(tiny, tmp_path):
    first = start(tiny, tmp_path)
    wait_for(tmp_path, "run.json", first)
    second = start(tiny, tmp_path)
    _, said = second.communicate()
    first.kill()
    first.communicate()
    assert second.returncode == 2
    assert said.startswith(f"pld-tf: another pld-tf is at work in {tmp_path}.")
    assert said.count("\n") == 1


@pytest.mark.slow
def test_a_run_stopped_by_ctrl_c_says_so_in_one_line_and_goes_on(tiny, tmp_path, undisturbed):
    process = start(tiny, tmp_path)
    wait_for(tmp_path, "rungs/0-*/checkpoint.npz", process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert said == "pld-tf: stopped; the same command goes on from here.\n"
    run(tiny, tmp_path, epochs=EPOCHS)
    assert results(tmp_path) == undisturbed


def test_a_bundle_that_is_missing_is_made_again_with_the_same_bytes(tiny, tmp_path):
    shutil.copytree(tiny / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "bundle")
    run(tiny, tmp_path / "run")
    assert results(tmp_path / "run") == results(tiny / "run")
