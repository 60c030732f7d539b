"""The run folder: what it was made from, and the model bundle at its end."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pld_tf.bundle import BundleContents, write_bundle
from pld_tf.data.classes import find_classes
from pld_tf.data.corpus import find_corpus
from pld_tf.data.crops import crop_rules
from pld_tf.data.held_out import held_out
from pld_tf.data.pipeline import TrainingData, training_batches
from pld_tf.data.store import Store, open_store
from pld_tf.distill.ladder import Ladder, RungResult
from pld_tf.distill.predict import crop_features
from pld_tf.errors import PldError
from pld_tf.features.tables import make_tables
from pld_tf.files import write_json
from pld_tf.progress import progress_bar
from pld_tf.provenance import package_versions, source_commit
from pld_tf.quiet import start_up_noise_held_back
from pld_tf.recipe import Recipe, parse_recipe

FORMAT = 1
REPRESENTATIVE_CROPS = 512
GOLDEN_CLIPS = 16
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What `run.json` says: the recipe and seed a run was made from, and on which data."""

    folder: Path
    recipe_name: str
    recipe: Recipe
    seed: int
    data_key: str


def open_data(data: Path, recipe: Recipe, *, skip_bad: bool, say: Say) -> Store:
    """The packed corpus in `data`; tells what was noticed about it."""
    corpus = find_corpus(data)
    with progress_bar("packing") as advance:
        store = open_store(
            corpus,
            sample_rate_hz=recipe.features.sample_rate_hz,
            skip_bad=skip_bad,
            progress=advance,
        )
    for note in (*corpus.notes, *store.notes):
        say(note)
    return store


def distill(
    *,
    recipe: Recipe,
    recipe_name: str,
    data: Path,
    run_dir: Path,
    seed: int,
    skip_bad: bool,
    say: Say,
) -> list[RungResult]:
    """Climb the ladder in `run_dir` and write the model bundle; goes on where it stopped.

    Raises:
      PldError: `run_dir` was made from another recipe, data or seed.
    """
    store = open_data(data, recipe, skip_bad=skip_bad, say=say)
    find_classes(recipe, store.words)
    _claim(run_dir, recipe=recipe, recipe_name=recipe_name, seed=seed, data_key=store.key)
    results: list[RungResult] = []

    def report(result: RungResult) -> None:
        results.append(result)
        say(rung_line(result))

    last = Ladder(recipe=recipe, store=store, run_dir=run_dir, seed=seed).climb(report)
    if not (run_dir / "bundle" / "bundle.json").is_file():
        contents = _bundle_contents(recipe, recipe_name, seed, store, last)
        frames = recipe.features.frames(recipe.features.samples(last.length_ms))
        with start_up_noise_held_back():
            write_bundle(run_dir / "bundle", model=last.student, frames=frames, contents=contents)
    return results


def rung_line(result: RungResult) -> str:
    """One line on a finished rung."""
    metrics = result.metrics
    teacher = ""
    if metrics["teacher_accuracy"] is not None:
        teacher = f", teacher {100 * metrics['teacher_accuracy']:.1f} %"
    return (
        f"rung {result.number} ({result.length_ms} ms): student "
        f"{100 * metrics['student_accuracy']:.1f} %{teacher} on {metrics['validation_clips']} "
        f"validation clips ({metrics['protocol']}), best of {metrics['epochs']} epochs"
    )


def read_run(run_dir: Path) -> Run:
    """What a run folder was made from.

    Raises:
      PldError: not a run folder, or one of another format.
    """
    path = run_dir / "run.json"
    if not path.is_file():
        raise PldError(
            f"{run_dir} is no run folder: {path.name} is missing. pld-tf distill makes one."
        )
    try:
        values = json.loads(path.read_text("utf-8"))
        if values["format"] != FORMAT:
            raise PldError(f"{path} has format {values['format']}; this version reads {FORMAT}.")
        return Run(
            folder=run_dir,
            recipe_name=values["recipe_name"],
            recipe=parse_recipe(values["recipe"], str(path)),
            seed=int(values["seed"]),
            data_key=str(values["data_key"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PldError(
            f"{path} can't be read as a run: {error!r}. Start a new run folder."
        ) from error


def _claim(run_dir: Path, *, recipe: Recipe, recipe_name: str, seed: int, data_key: str) -> None:
    """Make the folder this run's, or check that it is."""
    if not (run_dir / "run.json").exists():
        run_dir.mkdir(parents=True, exist_ok=True)
        values: dict[str, Any] = {
            "format": FORMAT,
            "recipe_name": recipe_name,
            "recipe": recipe.model_dump(mode="json"),
            "seed": seed,
            "data_key": data_key,
            "commit": source_commit(),
            "versions": package_versions(),
        }
        write_json(run_dir / "run.json", values)
        return
    earlier = read_run(run_dir)
    differences = _differences(earlier.recipe.model_dump(), recipe.model_dump())
    if earlier.seed != seed:
        differences.insert(0, f"seed {earlier.seed}, now {seed}")
    if earlier.data_key != data_key:
        differences.insert(0, "other data, or data that has changed since")
    if differences:
        raise PldError(
            f"{run_dir} was made with {'; '.join(differences[:3])}. Give another --run-dir, or the "
            "choices it was made with."
        )


def _differences(earlier: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [
        f"{key} = {earlier[key]}, now {now[key]}"
        for key in earlier
        if earlier[key] != now[key] and key != "description"
    ]


def _bundle_contents(
    recipe: Recipe, recipe_name: str, seed: int, store: Store, last: RungResult
) -> BundleContents:
    spec, length_ms = recipe.features, last.length_ms
    classes = find_classes(recipe, store.words)
    clips = held_out(store, classes, "validation")
    crops = clips.crops(clips.starts_ms(recipe.validation_protocol, length_ms), length_ms)
    features = crop_features(crops, spec)[..., 0]
    golden = np.linspace(0, len(clips) - 1, min(GOLDEN_CLIPS, len(clips))).astype(int)
    audio = np.concatenate([batch.numpy()[:, 0] for batch in crops])
    training = TrainingData(
        store=store,
        classes=classes,
        spec=spec,
        rules=crop_rules(recipe),
        lengths_ms=(length_ms,),
        batch=recipe.batch,
        seed=seed,
    )
    count = -(-REPRESENTATIVE_CROPS // recipe.batch)
    batches = training_batches(training, first_epoch=0, epochs=1).take(count)
    return BundleContents(
        recipe_name=recipe_name,
        recipe=recipe.model_dump(mode="json"),
        seed=seed,
        commit=source_commit(),
        versions=package_versions(),
        spec=spec,
        labels=classes.names,
        num_keywords=len(recipe.keywords),
        tables=make_tables(spec).arrays(),
        representative=np.concatenate([batch["features"].numpy()[..., 0] for batch in batches]),
        validation_features=features,
        validation_labels=clips.labels,
        golden_audio=audio[golden],
        golden_features=features[golden],
    )
