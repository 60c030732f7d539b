"""What repeatable training costs: python tests/bench/determinism.py

Trains on one batch in memory with deterministic operators and without, in alternation. Each round
is a process of its own, as TensorFlow takes that choice only once. Processor time is given beside
the rate: on a busy machine it is the steadier of the two.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import synthetic

from pld_tf.recipe.load import parse_recipe
from pld_tf.system.stderr import load_tensorflow

MODELS = {"tc_resnet": "8", "ds_cnn": "S"}
WARM_UP = 8  # steps that are not timed


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        print(*_rate_and_processor_us(arguments))
        return
    with tempfile.TemporaryDirectory() as folder:
        synthetic.write_corpus(Path(folder) / "speech", speakers=10)
        for family in MODELS:
            print(json.dumps(_compare(family, folder, arguments)))
            sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="alternations that are timed")
    parser.add_argument("--steps", type=int, default=200, help="steps that are timed in a round")
    parser.add_argument("--child", nargs=3, metavar=("FOLDER", "FAMILY", "ON"), help="one round")
    return parser.parse_args()


def _compare(family: str, folder: str, arguments: argparse.Namespace) -> dict[str, object]:
    found: dict[str, list[list[float]]] = {"on": [], "off": []}
    for _ in range(arguments.rounds):
        for choice, figures in found.items():
            command = [sys.executable, __file__, "--steps", str(arguments.steps)]
            command += ["--child", folder, family, choice]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            figures.append([float(figure) for figure in told.stdout.split()[-2:]])
    (rate, cost), (free_rate, free_cost) = (
        [statistics.median(column) for column in zip(*figures, strict=True)]
        for figures in found.values()
    )
    ratios = [on[0] / off[0] for on, off in zip(found["on"], found["off"], strict=True)]
    return {
        "model": f"{family} {MODELS[family]}",
        "clips_per_second_deterministic": round(rate),
        "clips_per_second_free": round(free_rate),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min_max": [round(min(ratios), 3), round(max(ratios), 3)],
        "processor_us_per_clip_deterministic": round(cost),
        "processor_us_per_clip_free": round(free_cost),
    }


def _rate_and_processor_us(arguments: argparse.Namespace) -> tuple[float, float]:
    """Clips per second of this process, and processor time per clip in microseconds."""
    load_tensorflow()
    import tensorflow as tf

    from pld_tf.data.batches.pipeline import training_batches
    from pld_tf.distill.step.trainer import make_deterministic

    folder, family, choice = arguments.child
    if choice == "on":
        make_deterministic()
    values = {
        "description": "bench",
        "words": {"keywords": ["yes", "no"]},
        "ladder": {"input_lengths_ms": [1000]},
        "training": {"epochs": 1},
        "models": [{"family": family, "size": MODELS[family]}],
    }
    recipe = parse_recipe(values, "of the bench")
    data, train = synthetic.training(Path(folder) / "speech", Path(folder), recipe, 0)
    (batch,) = training_batches(data, first_epoch=0, epochs=1).take(1)
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    train(batches, tf.constant(WARM_UP))
    start, used = time.perf_counter(), time.process_time()
    train(batches, tf.constant(arguments.steps))
    clips = arguments.steps * data.batch
    used = (time.process_time() - used) * 1e6 / clips
    return clips / (time.perf_counter() - start), used


if __name__ == "__main__":
    main()
