"""How much of the training rate the input pipeline leaves: python tests/bench/pipeline.py

Trains the first and the last rung of every shipped recipe end to end, and the same step on batches
that lie in memory, in alternation within one process; then DS-CNN S at 1000 ms, for comparison with
others. Clips are synthetic, so that no download is needed; their number and size are what counts.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import synthetic

from pld_tf.recipe.load import load_recipe, parse_recipe, recipe_names
from pld_tf.recipe.schema import Recipe
from pld_tf.system.stderr import load_tensorflow

AHEAD = 16  # batches; more than the pipeline holds ready
DS_CNN = {
    "description": "bench",
    "words": {"keywords": ["yes", "no"]},
    "ladder": {"input_lengths_ms": [1000]},
    "training": {"epochs": 1},
    "models": [{"family": "ds_cnn", "size": "S"}],
}


def main() -> None:
    arguments = _arguments()
    load_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        corpus = synthetic.write_corpus(Path(folder) / "speech")
        for name, recipe, number in _cases(arguments.recipe):
            data, train = synthetic.training(corpus, Path(folder), recipe, number)
            row = {"recipe": name, **synthetic.described(recipe, number)}
            print(json.dumps(row | _compare(data, train, arguments)))
            sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="alternations that are timed")
    parser.add_argument("--steps", type=int, default=120, help="least steps of each in one round")
    parser.add_argument("--recipe", action="append", help="only this one; may be repeated")
    return parser.parse_args()


def _cases(only: list[str] | None) -> Iterator[tuple[str, Recipe, int]]:
    """Name, recipe and rung; recipes differ from the shipped ones by their words alone."""
    words = ["words.keywords=['yes', 'no']", "words.ignored=[]"]
    for name in only or recipe_names():
        recipe = load_recipe(name, words)
        for number in sorted({0, recipe.rungs - 1}):
            yield name, recipe, number
    for mfcc in () if only else (0, 10):
        yield "DS-CNN S", parse_recipe(DS_CNN | {"features": {"mfcc": mfcc}}, "of the bench"), 0


def _compare(data: Any, train: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    import tensorflow as tf

    from pld_tf.data.batches.pipeline import training_batches

    batches = training_batches(data, first_epoch=0, epochs=10_000)
    # Where clips are heard once for several epochs, a round takes them all: it hears once, too.
    echoed = data.crops.echo_epochs * data.steps_per_epoch if data.crops.echo_epochs > 1 else 0
    steps = max(echoed, arguments.steps)
    # Enough for batches of several lengths to come as often.
    cached = batches.take(arguments.steps).cache().repeat()
    sources = {"end_to_end": iter(batches), "cached": iter(cached)}
    rates: dict[str, list[float]] = {name: [] for name in sources}
    for round_number in range(arguments.rounds + 1):
        for name, source in sources.items():
            # The first round traces, fills the cache and warms up. Later the pipeline runs ahead
            # while cached batches are trained on: those do not count.
            train(source, tf.constant(AHEAD if round_number else steps))
            start = time.perf_counter()
            train(source, tf.constant(steps))
            rate = steps * data.batch / (time.perf_counter() - start)
            if round_number:
                rates[name].append(rate)
    ratios = [a / b for a, b in zip(rates["end_to_end"], rates["cached"], strict=True)]
    return {
        "clips_per_second_end_to_end": round(statistics.median(rates["end_to_end"])),
        "clips_per_second_cached": round(statistics.median(rates["cached"])),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min_max": [round(min(ratios), 3), round(max(ratios), 3)],
    }


if __name__ == "__main__":
    main()
