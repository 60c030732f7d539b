"""What stored soft labels cost and save: python tests/bench/soft_labels.py

Labels two crops of each clip, with a small teacher that hears the crop and with a larger one that
hears the whole clip, and says how large each store is and how fast it was made. Then trains DS-CNN
S at 500 ms, batch 128, from these labels and from the same teacher online, in alternation within
one process.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import synthetic

from pld_tf.system.stderr import load_tensorflow

VERSIONS = 2
SPEAKERS = 40  # few: a large teacher labels all their clips
AHEAD = 16  # batches; more than the pipeline holds ready
EPOCHS = 10_000
VALUES = {
    "description": "bench",
    "words": {"keywords": ["yes", "no"]},
    "ladder": {"input_lengths_ms": [1000, 500]},
    "teaching": {"labels": "stored"},
    "crops": {"per_clip": VERSIONS},
    "training": {"epochs": EPOCHS},
}
STUDENT = {"family": "ds_cnn", "size": "S"}
TEACHERS = (
    ({"family": "tc_resnet", "size": "14"}, "crop"),
    ({"family": "ds_cnn", "size": "L"}, "clip"),
)


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way of training: steps that take batches, and the batches."""

    steps: Callable[[Any, Any], Any]
    batches: Iterator


def main() -> None:
    arguments = _arguments()
    load_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        corpus = synthetic.write_corpus(Path(folder) / "speech", speakers=SPEAKERS)
        for teacher, hears in TEACHERS:
            print(json.dumps(_compare(corpus, Path(folder), teacher, hears, arguments)))
            sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="alternations that are timed")
    parser.add_argument("--steps", type=int, default=60, help="steps of each in one round")
    return parser.parse_args()


def _compare(
    corpus: Path, folder: Path, teacher: dict, hears: str, arguments: argparse.Namespace
) -> dict:
    from pld_tf.distill.step.trainer import make_deterministic
    from pld_tf.recipe.load import parse_recipe

    make_deterministic()
    teaching = VALUES["teaching"] | {"teacher_input": hears}
    choices = {"models": [teacher, STUDENT], "teaching": teaching}
    recipe = parse_recipe(VALUES | choices, "of the bench")
    figures, ways = _ways(corpus, folder, recipe)
    rates = _rates(ways, recipe.training.batch_size, arguments)
    ratios = [a / b for a, b in zip(rates["stored"], rates["online"], strict=True)]
    return {
        "teacher": f"{teacher['family']} {teacher['size']}",
        "teacher_input": hears,
        "student": "ds_cnn S",
        "length_ms": 500,
        "batch": recipe.training.batch_size,
        **figures,
        "bytes_per_crop": round(figures["bytes"] / figures["crops"], 1),
        **{f"clips_per_second_{name}": round(statistics.median(rates[name])) for name in rates},
        "stored_to_online": round(statistics.median(ratios), 2),
        "stored_to_online_min_max": [round(min(ratios), 2), round(max(ratios), 2)],
    }


def _ways(corpus: Path, folder: Path, recipe: Any) -> tuple[dict, dict[str, Way]]:
    """Figures of the store; and stored and online, as `pld-tf distill` itself trains."""
    from pld_tf.data.corpus.corpus import find_corpus
    from pld_tf.data.store.pack import open_store
    from pld_tf.distill.ladder import Ladder
    from pld_tf.distill.soft_labels.store import stored_labels
    from pld_tf.distill.step.teachers import Teachers

    store = open_store(find_corpus(corpus), sample_rate_hz=16000, cache=folder)
    ladder = Ladder(recipe=recipe, store=store, run_dir=folder, seed=0)
    data = ladder._data(1)
    teachers = Teachers([ladder._build(0, 0)], recipe=recipe, seed=data.seed)
    stored = stored_labels(
        folder / "soft_labels",
        recipe=recipe,
        data=data,
        teachers=teachers,
        epochs=VERSIONS,
        advance=lambda done, total: None,
    )

    def way(data: Any, teachers: Any) -> Way:
        from pld_tf.data.batches.pipeline import training_batches
        from pld_tf.distill.step.trainer import Trainer

        student = ladder._build(1, 0)
        trainer = Trainer(recipe=recipe, data=data, student=student, teachers=teachers, epochs=1)
        batches = iter(training_batches(data, first_epoch=0, epochs=EPOCHS))
        return Way(steps=trainer.steps, batches=batches)

    ways = {"stored": way(stored.data, stored.labels), "online": way(data, teachers)}
    return stored.figures(), ways


def _rates(ways: dict[str, Way], batch: int, arguments: argparse.Namespace) -> dict[str, list]:
    import tensorflow as tf

    rates: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(arguments.rounds + 1):
        for name, way in ways.items():
            # The pipeline ran ahead while the other way was trained: those do not count.
            way.steps(way.batches, tf.constant(AHEAD))
            start = time.perf_counter()
            way.steps(way.batches, tf.constant(arguments.steps))
            if round_number:  # the first round traces and warms up
                seconds = time.perf_counter() - start
                rates[name].append(arguments.steps * batch / seconds)
    return rates


if __name__ == "__main__":
    main()
