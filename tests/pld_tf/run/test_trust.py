"""What a long training is trusted with: it survives being killed, and its memory stays flat."""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny_run
from preloaded import preloaded

KILLS = 20
# Three networks, so that each kill is in the middle of training, though several epochs may pass
# between two of them.
EPOCHS = 50
EVERYTHING = {
    "networks": 2,
    "mixup": 0.4,
    "weight_average": 0.9,
    "tempo": 0.2,
    "vocal_tract": 0.1,
    "filter_db": 6.0,
    "echo_epochs": 7,
    "teacher_input": "blend",
    "embedding_weight": 1.0,
    "train_fraction": [1.0, 0.5],
    "hard_finish_epochs": 10,
}
FLAT_MB = 5
COMPARED = "rungs/*/[wm]e*s.*"  # weights.npz and metrics.json


def distil(root: Path, run_dir: Path) -> None:
    """`pld-tf distill` as a process of its own, but for the seconds that imports take."""
    from pld_tf.commands.main import main

    os.environ["PLD_TF_CACHE"] = str(root / "cache")
    options = ["--data", str(root / "tones"), "--run-dir", str(run_dir)]
    sys.argv = ["pld-tf", "distill", str(root / "tiny.toml"), *options]
    with (root / "said.txt").open("a") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    main()


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("trust")
    tiny_run.make_corpus(root / "tones")
    tiny_run.write_recipe(root / "tiny.toml", epochs=EPOCHS, **EVERYTHING)
    return root


@pytest.fixture(scope="module")
def start():
    """Starts a function; processes are forked from one that has imported TensorFlow and no more."""
    started = []
    with preloaded(
        "tensorflow", "tf_keras", "pld_tf.run.folder", "pld_tf.commands.main"
    ) as context:

        def start(target: Callable[..., None], *arguments: Path):
            started.append(context.Process(target=target, args=arguments))
            started[-1].start()
            return started[-1]

        yield start
        for process in started:
            process.kill()


def epochs_done(run_dir: Path) -> int:
    """Of all networks; a checkpoint is whole whenever it is looked at."""
    done = 0
    for checkpoint in run_dir.glob("rungs/*/checkpoint.npz"):
        with np.load(checkpoint, allow_pickle=False) as arrays:
            done += json.loads(str(arrays["state"]))["epoch"]
    return done


def finish(process, root: Path) -> None:
    process.join()
    assert process.exitcode == 0, (root / "said.txt").read_text()[-2000:]


@pytest.mark.slow
def test_a_run_killed_twenty_times_at_random_ends_with_the_weights_of_one_that_was_not(
    root, start, tmp_path
):
    finish(start(distil, root, tmp_path / "whole"), root)
    moments = random.Random(0)
    killed = tmp_path / "killed"
    for _ in range(KILLS):
        # At least one more epoch each time, so that the run comes to its end.
        wanted = epochs_done(killed) + moments.randint(1, 3)
        process = start(distil, root, killed)
        while process.is_alive() and epochs_done(killed) < wanted:
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 0.1))
        process.kill()
        process.join()
        assert process.exitcode == -9, (root / "said.txt").read_text()[-2000:]
    assert epochs_done(killed) < 3 * EPOCHS
    finish(start(distil, root, killed), root)
    expected = tiny_run.file_bytes(tmp_path / "whole", COMPARED)
    assert len(expected) == 2 * 3
    assert tiny_run.file_bytes(killed, COMPARED) == expected


class Watched:
    """A validation that notes the memory after each epoch, in MB, and always says the same."""

    def __init__(self) -> None:
        self.megabytes: list[float] = []

    def accuracy(self, model) -> float:
        model(np.zeros((1, 24, 10, 1), np.float32), training=False)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.megabytes.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
        return 0.5


def train_watched(folder: Path) -> None:
    """Thirty epochs; the memory after each goes into `memory.json`."""
    from pld_tf.distill.rung import Rung
    from pld_tf.distill.step.teachers import Teachers

    changes = {name: EVERYTHING[name] for name in ("mixup", "weight_average", "tempo")}
    recipe = tiny_run.make_recipe(**changes)
    store = tiny_run.open_tiny(folder, recipe)
    teachers = [tiny_run.rung_parts(recipe, store, seed=seed)["student"] for seed in (1, 2)]
    watched = Watched()
    parts = {**tiny_run.rung_parts(recipe, store, number=1), "validation": watched}
    Rung(
        **parts,
        teachers=Teachers(teachers, recipe=recipe, seed=0),
        folder=folder / "rung",
        epochs=30,
    ).fit(lambda done, total: None)
    (folder / "memory.json").write_text(json.dumps(watched.megabytes))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux' /proc")
def test_memory_stays_flat_over_epochs(start, tmp_path):
    """In a process of its own: what other tests left behind moves by more than a leak would."""
    process = start(train_watched, tmp_path)
    process.join()
    assert process.exitcode == 0
    megabytes = json.loads((tmp_path / "memory.json").read_text())
    assert len(megabytes) == 30
    assert megabytes[29] - megabytes[2] < FLAT_MB
