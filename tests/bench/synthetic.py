"""What the benches train on: noise in clips of a second, and rungs of a recipe over it."""

import wave
from pathlib import Path
from typing import Any

import numpy as np

from pld_tf.recipe.schema import Recipe

# As many clips of a word as Speech Commands has: an epoch's start must not weigh more than there.
SPEAKERS, CLIPS = 125, 16
RATE_HZ = 16000


def write_corpus(root: Path, *, speakers: int = SPEAKERS) -> Path:
    """Clips of `yes`, `no` and `cat`, 16 of each speaker."""
    rng = np.random.default_rng(0)
    for word in ("yes", "no", "cat"):
        (root / word).mkdir(parents=True)
        for speaker in range(speakers):
            for number in range(CLIPS):
                samples = rng.integers(-3000, 3000, RATE_HZ, dtype=np.int16)
                path = root / word / f"{speaker:08x}_nohash_{number}.wav"
                with wave.open(str(path), "wb") as file:
                    file.setparams((1, 2, RATE_HZ, 0, "NONE", "not compressed"))
                    file.writeframes(samples.astype("<i2").tobytes())
    return root


def training(corpus: Path, cache: Path, recipe: Recipe, number: int) -> tuple[Any, Any]:
    """Data and train step of rung `number`, as `pld-tf distill` itself makes them."""
    data, made = trainer(corpus, cache, recipe, number)
    return data, made.steps


def trainer(corpus: Path, cache: Path, recipe: Recipe, number: int) -> tuple[Any, Any]:
    """Data and trainer of rung `number`, not yet traced."""
    from pld_tf.data.batches.training_data import TrainingData
    from pld_tf.data.corpus.classes import find_classes
    from pld_tf.data.corpus.corpus import find_corpus
    from pld_tf.data.store.pack import open_store
    from pld_tf.distill.step.teachers import Teachers
    from pld_tf.distill.step.trainer import Trainer

    store = open_store(
        find_corpus(corpus), sample_rate_hz=recipe.features.sample_rate_hz, cache=cache
    )
    data = TrainingData(
        store=store,
        classes=find_classes(recipe.words, store.words),
        spec=recipe.features,
        crops=recipe.crops,
        augment=recipe.augment,
        lengths_ms=recipe.crop_lengths_ms(number),
        teacher_input=recipe.teaching.teacher_input if number else "crop",
        teacher_ms=recipe.lengths_ms[max(0, number - 1)],
        batch=recipe.training.batch_size,
        seed=0,
    )
    taught_by = [_network(recipe, rung) for rung in teaching_rungs(recipe, number)]
    made = Trainer(
        recipe=recipe,
        data=data,
        student=_network(recipe, number),
        teachers=Teachers(taught_by, recipe=recipe, seed=0) if taught_by else None,
        epochs=recipe.rung_epochs(number),
    )
    return data, made


def teaching_rungs(recipe: Recipe, number: int) -> list[int]:
    """The rung of each network that teaches rung `number`."""
    rungs = [number - 1] if number else []
    if recipe.teaching.keep_first_teacher and number > 1:
        rungs.insert(0, 0)
    return [rung for rung in rungs for _ in range(recipe.rung_networks(rung))]


def _network(recipe: Recipe, number: int) -> Any:
    from pld_tf import models
    from pld_tf.models.seeding import set_seed

    set_seed(number)
    return models.build(
        **recipe.rung_model(number).model_dump(),
        frames=None,
        bins=recipe.features.bins,
        classes=len(recipe.words.class_names),
    )


def described(recipe: Recipe, number: int) -> dict[str, Any]:
    model, spec = recipe.rung_model(number), recipe.features
    return {
        "rung": number,
        "model": f"{model.family} {model.size}, width {model.width:g}",
        "teachers": len(teaching_rungs(recipe, number)),
        "lengths_ms": list(recipe.crop_lengths_ms(number)),
        "batch": recipe.training.batch_size,
        "echo_epochs": recipe.crops.echo_epochs,
        "features": f"{spec.mfcc} MFCC" if spec.mfcc else f"{spec.mel_bins} log-mel bins",
    }
