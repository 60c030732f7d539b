"""A corpus of tones and a recipe small enough to climb its ladder in seconds."""

import wave
from pathlib import Path
from typing import Any

import numpy as np
from by_key import merged, tables

RATE_HZ = 4000
# Hz of the tone that stands for each word; "three" is no keyword.
WORDS = {"one": 400, "two": 900, "three": 1600}
CLIPS = {"train": 12, "validation": 4, "test": 4}
VALUES: dict[str, Any] = {
    "description": "tones",
    "words": {"keywords": ["one", "two"], "unknown": 1.0, "silence": 1.0},
    "ladder": {"input_lengths_ms": [1000, 500]},
    "models": [{"family": "tc_resnet", "size": "8", "width": 0.25, "dropout": 0.2}],
    "features": {
        "sample_rate_hz": RATE_HZ,
        "window_ms": 30,
        "hop_ms": 20,
        "fft_size": 128,
        "mel_bins": 10,
        "low_hz": 60,
        "high_hz": 2000,
    },
    "training": {"epochs": 2, "batch_size": 16, "warmup_epochs": 0},
}

# Five layers where the recipe's network has 38: for what no convolution or normalization decides.
SMALL: dict[str, Any] = {
    "models": [{"family": "lstm", "size": "S", "width": 0.1, "dropout": 0.2}],
}


def make_corpus(root: Path, *, seed: int = 0) -> Path:
    """Half a second of each word's tone somewhere in a second of faint noise, and the two lists."""
    rng = np.random.default_rng(seed)
    lists: dict[str, list[str]] = {split: [] for split in CLIPS}
    for word, tone_hz in WORDS.items():
        (root / word).mkdir(parents=True)
        for split, clips in CLIPS.items():
            for number in range(clips):
                path = f"{word}/{split}{number:02d}_nohash_0.wav"
                write_wav(root / path, _tone(tone_hz, rng))
                lists[split].append(path)
    (root / "validation_list.txt").write_text("\n".join(lists["validation"]) + "\n")
    (root / "testing_list.txt").write_text("\n".join(lists["test"]) + "\n")
    return root


def write_wav(path: Path, samples: np.ndarray) -> None:
    """Mono int16 samples at `RATE_HZ`."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())


def _tone(tone_hz: int, rng: np.random.Generator) -> np.ndarray:
    samples = rng.normal(scale=30, size=RATE_HZ)
    start, length = rng.integers(RATE_HZ // 2), RATE_HZ // 2
    phase = 2 * np.pi * (tone_hz * np.arange(length) / RATE_HZ + rng.random())
    samples[start : start + length] += rng.uniform(3000, 9000) * np.sin(phase)
    return np.rint(samples).astype(np.int16)


def recipe_values(**changes: object) -> dict[str, Any]:
    """Plain values of the tiny recipe; `changes` of its keys or tables replace some."""
    return merged(VALUES, tables(**changes))


def write_recipe(path: Path, **changes: object) -> Path:
    """The tiny recipe as a TOML file."""
    path.write_text(to_toml(recipe_values(**changes)), "utf-8")
    return path


def to_toml(values: dict[str, Any]) -> str:
    """TOML of a recipe's values, tables last."""
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    plain = {key: value for key, value in values.items() if key not in ("models", *tables)}
    lines = [_line(key, value) for key, value in plain.items()]
    for name, table in tables.items():
        lines += [f"[{name}]", *(_line(key, value) for key, value in table.items())]
    for model in values["models"]:
        lines += ["[[models]]", *(_line(key, value) for key, value in model.items())]
    return "\n".join(lines) + "\n"


def _line(key: str, value: object) -> str:
    # The repr of these strings, numbers and lists is TOML too.
    return f"{key} = {value!r}"


def make_recipe(**changes: object):
    """The tiny recipe, checked."""
    from pld_tf.recipe.load import parse_recipe

    return parse_recipe(recipe_values(**changes), "tiny")


def file_bytes(root: Path, pattern: str) -> dict[str, bytes]:
    """Content of the files that match, by path below `root`."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.glob(pattern))
    }


def open_tiny(root: Path, recipe):
    """The packed tiny corpus, made below `root`."""
    from pld_tf.data.corpus.corpus import find_corpus
    from pld_tf.data.store.pack import open_store

    corpus = find_corpus(make_corpus(root / "tones"))
    return open_store(corpus, sample_rate_hz=recipe.features.sample_rate_hz, cache=root / "cache")


def rung_parts(recipe, store, *, number: int = 0, seed: int = 0) -> dict[str, Any]:
    """What a Rung takes for rung `number`, but teacher, folder and epochs."""
    from pld_tf.data.batches.training_data import TrainingData
    from pld_tf.data.corpus.classes import find_classes
    from pld_tf.data.held_out import held_out
    from pld_tf.distill.validation import student_validation

    classes = find_classes(recipe.words, store.words)
    return {
        "recipe": recipe,
        "data": TrainingData(
            store=store,
            classes=classes,
            spec=recipe.features,
            crops=recipe.crops,
            augment=recipe.augment,
            lengths_ms=recipe.crop_lengths_ms(number),
            teacher_input=recipe.teaching.teacher_input if number else "crop",
            teacher_ms=recipe.ladder.input_lengths_ms[max(0, number - 1)],
            batch=recipe.training.batch_size,
            seed=seed,
        ),
        "student": untrained(recipe, number=number, seed=seed),
        "validation": student_validation(
            recipe, held_out(store, classes, "validation"), recipe.ladder.input_lengths_ms[number]
        ),
        "title": f"rung {number}",
    }


def untrained(recipe, *, number: int = 0, seed: int = 0):
    """The network of rung `number`."""
    from pld_tf import models
    from pld_tf.models.seeding import set_seed

    set_seed(seed)
    return models.build(
        **recipe.rung_model(number).model_dump(),
        frames=None,
        bins=recipe.features.bins,
        classes=len(recipe.words.class_names),
    )


def trained(base: Path) -> Path:
    """A folder with `tones`, `cache`, `tiny.toml` and the finished `run`; made once below `base`.

    Read-only, but for the cache.
    """
    import pytest

    from pld_tf.run.train import distill

    root = base / "tiny_run"
    if root.is_dir():
        return root
    make_corpus(root / "tones")
    write_recipe(root / "tiny.toml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLD_TF_CACHE", str(root / "cache"))
        distill(
            recipe=make_recipe(),
            recipe_name="tiny",
            data=root / "tones",
            run_dir=root / "run",
            seed=0,
            skip_bad=False,
            say=lambda line: None,
        )
    return root
