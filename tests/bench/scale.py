"""What large corpora cost: python tests/bench/scale.py

Packs corpora of more and more clips, with a word for every 26 clips as in a corpus of 38,000 words
and a million clips. Then takes one epoch of batches of two keywords, and the contents of a model
bundle. Each corpus is a process of its own. Prints seconds of processor time, and the most memory
that the process has held so far, after each part.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from pld_tf.recipe.load import parse_recipe
from pld_tf.system.stderr import load_tensorflow

CLIPS_PER_WORD = 26
KEYWORD_SHARE = 0.01  # of all clips, for each of the two keywords
RATE_HZ = 16000
RECIPE = {
    "description": "bench",
    "words": {"keywords": ["no", "yes"]},
    "ladder": {"input_lengths_ms": [500]},
    "models": [{"family": "tc_resnet", "size": "8"}],
    "training": {"epochs": 1},
}


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        _measure(arguments.child)
        return
    for clips in arguments.clips:
        subprocess.run([sys.executable, __file__, "--child", str(clips)], check=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, nargs="+", default=[10_000, 50_000, 100_000])
    parser.add_argument("--child", type=int, help="measure this many clips in this process")
    return parser.parse_args()


def _measure(clips: int) -> None:
    load_tensorflow()
    from pld_tf.data.corpus.corpus import find_corpus
    from pld_tf.data.store.pack import open_store

    recipe = parse_recipe(RECIPE, "of the bench")
    told: dict[str, Any] = {"clips": clips}
    with tempfile.TemporaryDirectory() as folder:
        root = _write_corpus(Path(folder) / "speech", clips)
        corpus = find_corpus(root)
        cache = Path(folder) / "cache"
        store = _timed(told, "pack", lambda: open_store(corpus, sample_rate_hz=16000, cache=cache))
        told["words"] = len(store.words)
        _timed(told, "epoch", lambda: _epoch(recipe, store))
        _timed(told, "bundle_contents", lambda: _contents(recipe, store))
    print(json.dumps(told))


def _timed(told: dict[str, Any], name: str, work: Callable[[], Any]) -> Any:
    start = time.process_time()
    found = work()
    told[f"{name}_processor_s"] = round(time.process_time() - start, 2)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told[f"{name}_most_mb"] = round(most / 1024)
    return found


def _write_corpus(root: Path, clips: int) -> Path:
    rng = np.random.default_rng(0)
    noise = rng.integers(-3000, 3000, 10 * RATE_HZ).astype("<i2").tobytes()
    keywords = max(100, round(KEYWORD_SHARE * clips))
    words = ["no"] * keywords + ["yes"] * keywords
    words += [f"word{clip // CLIPS_PER_WORD:05d}" for clip in range(clips - 2 * keywords)]
    for clip, word in enumerate(words):
        (root / word).mkdir(parents=True, exist_ok=True)
        first = 2 * int(rng.integers(9 * RATE_HZ))
        with wave.open(str(root / word / f"{clip % 5000:08x}_nohash_{clip}.wav"), "wb") as file:
            file.setparams((1, 2, RATE_HZ, 0, "NONE", "not compressed"))
            file.writeframes(noise[first : first + 2 * RATE_HZ])
    return root


def _epoch(recipe: Any, store: Any) -> None:
    from pld_tf.data.batches.pipeline import training_batches
    from pld_tf.data.batches.training_data import TrainingData
    from pld_tf.data.corpus.classes import find_classes

    data = TrainingData(
        store=store,
        classes=find_classes(recipe.words, store.words),
        spec=recipe.features,
        crops=recipe.crops,
        augment=recipe.augment,
        lengths_ms=(500,),
        batch=recipe.training.batch_size,
        seed=0,
    )
    batches = sum(1 for _ in training_batches(data, first_epoch=0, epochs=1))
    if batches != data.steps_per_epoch:
        raise SystemExit(f"expected {data.steps_per_epoch} batches, got {batches}")


def _contents(recipe: Any, store: Any) -> None:
    from pld_tf.model_bundle.contents import bundle_contents

    rung: Any = SimpleNamespace(number=0, length_ms=500)
    bundle_contents(recipe=recipe, recipe_name="bench", seed=0, store=store, rung=rung)


if __name__ == "__main__":
    main()
