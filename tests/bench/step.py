"""What each change made to the training step gains: python tests/bench/step.py

Trains the last rung of a recipe on batches that lie in memory: as it was before, with folded
teachers, with flat updates, with both, and with both and the recipe's choice of oneDNN. The ways
take turns; two live processes, one with oneDNN and one without, wait for each other. Ratios are
taken within a round: of rates, and of processor time a clip.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import synthetic

from pld_tf.recipe.load import load_recipe
from pld_tf.run.onednn import choose_onednn
from pld_tf.system.stderr import load_tensorflow

RECIPES = ["best_8kw", "own_words", "fast_8kw"]
BATCHES = 24  # in memory
SPEAKERS = 25
# Name of a way: folded teachers, flat updates. The first is what the others are compared with.
WAYS = {
    "before": (False, False),
    "folded": (True, False),
    "flat": (False, True),
    "both": (True, True),
}
CHOSEN = "both and oneDNN off"


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        _serve(arguments.child, arguments.steps)
        return
    for name in arguments.recipe or RECIPES:
        print(json.dumps({"recipe": name} | _compare(name, arguments)))
        sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="alternations that are timed")
    parser.add_argument("--steps", type=int, default=60, help="steps of each in one round")
    parser.add_argument("--recipe", action="append", help="only this one; may be repeated")
    parser.add_argument("--child", metavar="RECIPE", help="train as standard input asks")
    return parser.parse_args()


def _compare(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as nothing:
        is_on = choose_onednn(load_recipe(name), Path(nothing))
    workers = {way: worker for worker in [_start(name, True, arguments)] for way in WAYS}
    if not is_on:
        workers[CHOSEN] = _start(name, False, arguments)
    rounds = [
        {way: _ask(worker, "both" if way == CHOSEN else way) for way, worker in workers.items()}
        for _ in range(arguments.rounds + 1)
    ][1:]  # the first traces and warms up
    for worker in set(workers.values()):
        worker.stdin.close()
        worker.wait()
    told: dict[str, Any] = {"model": _described(name)}
    for way in workers:
        told[way] = {
            "processor_us": round(statistics.median(one[way][1] for one in rounds), 1),
            "rate": _ratios([one["before"][0] / one[way][0] for one in rounds]),
            "by_processor_time": _ratios([one["before"][1] / one[way][1] for one in rounds]),
        }
    return told


def _ratios(ratios: list[float]) -> list[float]:
    """Median, smallest, largest."""
    return [round(each, 3) for each in (statistics.median(ratios), min(ratios), max(ratios))]


def _described(name: str) -> str:
    recipe = load_recipe(name)
    model = recipe.rung_model(recipe.rungs - 1)
    return f"{model.family} {model.size}, width {model.width:g}"


def _start(name: str, onednn: bool, arguments: argparse.Namespace) -> Any:
    command = [sys.executable, __file__, "--child", name, "--steps", str(arguments.steps)]
    environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": str(int(onednn))}
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _ask(worker: Any, way: str) -> tuple[float, float]:
    """Seconds, and processor time a clip in microseconds."""
    worker.stdin.write(f"{way}\n")
    worker.stdin.flush()
    seconds, used = worker.stdout.readline().split()
    return float(seconds), float(used)


def _serve(name: str, steps: int) -> None:
    load_tensorflow()
    import tensorflow as tf

    from pld_tf.data.batches.pipeline import training_batches
    from pld_tf.distill.step.trainer import make_deterministic

    make_deterministic()
    recipe = load_recipe(name, ["words.keywords=['yes', 'no']", "words.ignored=[]"])
    with tempfile.TemporaryDirectory() as folder:
        corpus = synthetic.write_corpus(Path(folder) / "speech", speakers=SPEAKERS)
        trainers = {way: _trainer(corpus, Path(folder), recipe, *WAYS[way]) for way in WAYS}
        data, _ = trainers["both"]
        kept = training_batches(data, first_epoch=0, epochs=1000).take(BATCHES).cache()
        batches = iter(kept.repeat())
        for _ in range(BATCHES):
            next(batches)
        for line in sys.stdin:
            train = trainers[line.strip()][1]
            start, used = time.perf_counter(), time.process_time()
            train(batches, tf.constant(steps))
            seconds, used = time.perf_counter() - start, time.process_time() - used
            print(seconds, used * 1e6 / (steps * data.batch), flush=True)


def _trainer(corpus: Path, folder: Path, recipe: Any, folded: bool, flat: bool) -> tuple[Any, Any]:
    """Data and steps of the last rung."""
    data, trainer = synthetic.trainer(corpus, folder, recipe, recipe.rungs - 1)
    if not folded:
        trainer._teachers.folded = trainer._teachers.models
    if not flat:
        trainer.optimizer = _update_each(trainer, recipe, data)
    return data, trainer.steps


def _update_each(trainer: Any, recipe: Any, data: Any) -> Any:
    """Let an optimizer update each variable by itself."""
    from types import SimpleNamespace

    from pld_tf.distill.step.trainer import make_optimizer

    epochs = recipe.rung_epochs(recipe.rungs - 1)
    optimizer = make_optimizer(recipe, steps=data.steps_per_epoch, epochs=epochs)
    optimizer.build(trainer._learnt)
    trainer._update = SimpleNamespace(apply=optimizer.apply_gradients)
    return optimizer


if __name__ == "__main__":
    main()
