"""How much of the training rate the input pipeline leaves: python tests/bench/pipeline.py

Trains the first and the last rung of every shipped recipe end to end, and the same step on batches
that lie in memory, in alternation within one process; then DS-CNN S at 1000 ms, for comparison with
others. Clips are synthetic, so that no download is needed; their number and size are what counts.
Ratios are taken within a round: of rates, and of processor time a clip. Where others use the
machine, the latter are steadier.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import synthetic

from pld_tf.recipe.load import load_recipe, parse_recipe, recipe_names
from pld_tf.recipe.schema import Recipe
from pld_tf.run.onednn import choose_onednn
from pld_tf.system.onednn import is_onednn_on, set_onednn
from pld_tf.system.stderr import load_tensorflow

AHEAD = 16  # batches; more than the pipeline holds ready
IDLE_SECONDS = 0.1
DS_CNN_NAME = "DS-CNN S"
DS_CNN = {
    "description": "bench",
    "words": {"keywords": ["yes", "no"]},
    "ladder": {"input_lengths_ms": [1000]},
    "training": {"epochs": 1},
    "models": [{"family": "ds_cnn", "size": "S"}],
}


def main() -> None:
    arguments = _arguments()
    names = arguments.recipe or [*recipe_names(), DS_CNN_NAME]
    if len(names) > 1:  # a process each, because TensorFlow takes the choice of oneDNN once
        for name in names:
            command = [sys.executable, __file__, "--rounds", str(arguments.rounds)]
            command += ["--steps", str(arguments.steps), "--recipe", name]
            subprocess.run(command, check=True)
        return
    cases = _cases(names[0])
    with tempfile.TemporaryDirectory() as folder:
        set_onednn(choose_onednn(cases[0][0], Path(folder)))
        load_tensorflow()
        corpus = synthetic.write_corpus(Path(folder) / "speech")
        for recipe, number in cases:
            data, train = synthetic.training(corpus, Path(folder), recipe, number)
            row = {"recipe": names[0], **synthetic.described(recipe, number)}
            row |= {"onednn": is_onednn_on()}
            print(json.dumps(row | _compare(data, train, arguments)))
            sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="alternations that are timed")
    parser.add_argument("--steps", type=int, default=120, help="least steps of each in one round")
    parser.add_argument("--recipe", action="append", help="only this one; may be repeated")
    return parser.parse_args()


def _cases(name: str) -> list[tuple[Recipe, int]]:
    """Recipes and rungs; recipes differ from the shipped ones by their words alone."""
    if name == DS_CNN_NAME:
        features = [{"mfcc": mfcc} for mfcc in (0, 10)]
        return [(parse_recipe(DS_CNN | {"features": each}, "of the bench"), 0) for each in features]
    recipe = load_recipe(name, ["words.keywords=['yes', 'no']", "words.ignored=[]"])
    return [(recipe, number) for number in sorted({0, recipe.rungs - 1})]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Steps of training: untimed at first, untimed before each window, and in each window."""

    first: int
    ahead: int
    timed: int


def _windows(data: Any, least: int) -> Windows:
    """Windows that pay for what they take.

    Where clips are heard once for a block of epochs, the next block is heard as soon as this one
    begins. A window is then whole blocks long, and begins a few steps before the end of a block:
    batches made ahead never reach the next block, so each hearing begins and ends in one window.
    """
    if data.crops.echo_epochs == 1:
        return Windows(first=least, ahead=AHEAD, timed=least)
    block = data.crops.echo_epochs * data.steps_per_epoch
    return Windows(first=block - AHEAD, ahead=0, timed=-(-least // block) * block)


def _compare(data: Any, steps: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    import tensorflow as tf

    from pld_tf.data.batches.pipeline import training_batches

    windows = _windows(data, arguments.steps)
    batches = training_batches(data, first_epoch=0, epochs=10_000)
    # Enough for batches of several lengths to come as often.
    cached = batches.take(arguments.steps).cache().repeat()
    sources = {"end_to_end": iter(batches), "cached": iter(cached)}

    def train(source: Iterator, count: int) -> None:
        steps(source, tf.constant(count))

    for source in sources.values():  # traces, fills the cache and warms up
        train(source, windows.first)
    rounds = [
        {name: _measure(train, source, windows) for name, source in sources.items()}
        for _ in range(arguments.rounds)
    ]
    clips = windows.timed * data.batch
    rates = {name: [clips / measured[name][0] for measured in rounds] for name in sources}
    costs = {name: [measured[name][1] / data.batch for measured in rounds] for name in sources}
    return {
        **{f"clips_per_second_{name}": round(statistics.median(rates[name])) for name in sources},
        **_ratio("ratio", rates["end_to_end"], rates["cached"]),
        **{f"processor_us_{name}": round(statistics.median(costs[name]), 1) for name in sources},
        **_ratio("processor_ratio", costs["cached"], costs["end_to_end"]),
    }


def _measure(train: Any, source: Any, windows: Windows) -> tuple[float, float]:
    """Seconds of one window, and processor time a step, in microseconds."""
    _wait_until_idle()
    used = time.process_time()
    if windows.ahead:  # batches that lie ready
        train(source, windows.ahead)
    start = time.perf_counter()
    train(source, windows.timed)
    seconds = time.perf_counter() - start
    _wait_until_idle()
    used = time.process_time() - used
    return seconds, used * 1e6 / (windows.ahead + windows.timed)


def _wait_until_idle() -> None:
    """Wait until the pipeline has made all that it makes ahead."""
    used = 1.0
    while used > 0.1 * IDLE_SECONDS:
        before = time.process_time()
        time.sleep(IDLE_SECONDS)
        used = time.process_time() - before


def _ratio(name: str, above: list[float], below: list[float]) -> dict[str, Any]:
    """Median and extremes of the ratios within the rounds."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    extremes = [round(min(ratios), 3), round(max(ratios), 3)]
    return {name: round(statistics.median(ratios), 3), f"{name}_min_max": extremes}


if __name__ == "__main__":
    main()
