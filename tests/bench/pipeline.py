"""How much of the training rate the input pipeline leaves: python tests/bench/pipeline.py

Trains DS-CNN S at 1000 ms, batch 128, end to end, and the same step on one batch that lies in
memory, in alternation within one process. Clips are synthetic, so that no download is needed; their
number and size are what counts.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from pld_tf.quiet import load_tensorflow

SPEAKERS, CLIPS = 40, 16
AHEAD = 16  # batches; more than the pipeline holds ready


def main() -> None:
    arguments = _arguments()
    load_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        corpus = _corpus(Path(folder) / "speech")
        for mfcc in (0, 10):
            figures = _compare(corpus, Path(folder), mfcc, arguments)
            print(json.dumps(figures))
            sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="alternations that are timed")
    parser.add_argument("--steps", type=int, default=120, help="steps of each in one round")
    return parser.parse_args()


def _corpus(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for word in ("yes", "no", "cat"):
        (root / word).mkdir(parents=True)
        for speaker in range(SPEAKERS):
            for number in range(CLIPS):
                samples = rng.normal(0, 1000, 16000).astype("<i2")
                path = root / word / f"{speaker:08x}_nohash_{number}.wav"
                with wave.open(str(path), "wb") as file:
                    file.setparams((1, 2, 16000, 0, "NONE", "not compressed"))
                    file.writeframes(samples.tobytes())
    return root


def _compare(corpus: Path, cache: Path, mfcc: int, arguments: argparse.Namespace) -> dict:
    import tensorflow as tf

    from pld_tf.data.pipeline import training_batches

    data, train = _training(corpus, cache, mfcc)
    batches = iter(training_batches(data, first_epoch=0, epochs=10_000))
    cached = iter(tf.data.Dataset.from_tensors(next(batches)).cache().repeat())
    count = tf.constant(arguments.steps)
    rates: dict[str, list[float]] = {"end_to_end": [], "cached": []}
    for round_number in range(arguments.rounds + 1):
        for name, source in (("end_to_end", batches), ("cached", cached)):
            # The pipeline runs ahead while the cached batch is trained on: those do not count.
            train(source, tf.constant(AHEAD))
            start = time.perf_counter()
            train(source, count)
            rate = arguments.steps * data.batch / (time.perf_counter() - start)
            if round_number:  # the first round traces and warms up
                rates[name].append(rate)
    ratios = [a / b for a, b in zip(rates["end_to_end"], rates["cached"], strict=True)]
    return {
        "model": "ds_cnn S",
        "length_ms": 1000,
        "batch": data.batch,
        "features": f"{mfcc} MFCC" if mfcc else "40 log-mel bins",
        "clips_per_second_end_to_end": round(statistics.median(rates["end_to_end"])),
        "clips_per_second_cached": round(statistics.median(rates["cached"])),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min_max": [round(min(ratios), 3), round(max(ratios), 3)],
    }


def _training(corpus: Path, cache: Path, mfcc: int):
    """The data and the train step that `pld-tf distill` itself uses."""
    from pld_tf import models
    from pld_tf.data.classes import find_classes
    from pld_tf.data.corpus import find_corpus
    from pld_tf.data.crops import crop_rules
    from pld_tf.data.pipeline import TrainingData
    from pld_tf.data.store import open_store
    from pld_tf.distill.trainer import Trainer, make_deterministic
    from pld_tf.recipe import parse_recipe

    values = {
        "description": "bench",
        "keywords": ["yes", "no"],
        "ladder_ms": [1000],
        "epochs": 10_000,
        "models": [{"family": "ds_cnn", "size": "S"}],
        "features": {"mfcc": mfcc},
    }
    recipe = parse_recipe(values, "of the bench")
    make_deterministic()
    store = open_store(find_corpus(corpus), sample_rate_hz=16000, cache=cache)
    data = TrainingData(
        store=store,
        classes=find_classes(recipe, store.words),
        spec=recipe.features,
        rules=crop_rules(recipe),
        lengths_ms=(1000,),
        batch=recipe.batch,
        seed=0,
    )
    student = models.build(
        **recipe.models[0].model_dump(), frames=None, bins=recipe.features.bins, classes=4
    )
    return data, Trainer(recipe=recipe, data=data, student=student, teacher=None, epochs=1).steps


if __name__ == "__main__":
    main()
