"""The run folder: what it was made from, and the model bundle at its end."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from pld_tf.data.corpus.classes import class_notes, find_classes
from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.store.pack import Store, open_store
from pld_tf.distill.finish.finish import finish, finish_line, require_finishable
from pld_tf.distill.ladder import Ladder, RungResult
from pld_tf.errors import PldError
from pld_tf.model_bundle.of_run import RunBundles
from pld_tf.recipe.schema import FINISH_KEYS, FINISHES, Recipe, parse_recipe
from pld_tf.system.files import write_json
from pld_tf.system.progress import progress_bar
from pld_tf.system.provenance import package_versions, source_commit

FORMAT = 1
# Finishing may be asked for later: each way has a folder that knows its own choices.
CHANGE_NO_WEIGHT = ("description", "device", *FINISH_KEYS)
OTHER_DATA = "other data, or data that has changed since"
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What `run.json` says: the recipe and seed a run was made from, and on which data.

    `excluded` are the paths of clips that the run leaves out, whether they are there or not.
    """

    folder: Path
    recipe_name: str
    recipe: Recipe
    seed: int
    data_key: str
    excluded: frozenset[str]
    commit: str | None
    versions: dict[str, str]


def open_data(
    data: Path,
    recipe: Recipe,
    *,
    excluded: frozenset[str] = frozenset(),
    skip_bad: bool,
    say: Say,
) -> Store:
    """The packed corpus in `data` without the `excluded` clips; tells what was noticed about it."""
    corpus = find_corpus(data, excluded=excluded)
    with progress_bar("packing") as advance:
        store = open_store(
            corpus,
            sample_rate_hz=recipe.features.sample_rate_hz,
            skip_bad=skip_bad,
            progress=advance,
            say=say,
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
    excluded: frozenset[str] = frozenset(),
    skip_bad: bool,
    say: Say,
) -> list[RungResult]:
    """Climb the ladder in `run_dir` and write the model bundle; goes on where it stopped.

    Raises:
      PldError: `run_dir` was made from another recipe, data, seed or list of excluded clips.
    """
    store = open_data(data, recipe, excluded=excluded, skip_bad=skip_bad, say=say)
    ladder = Ladder(recipe=recipe, store=store, run_dir=run_dir, seed=seed)
    require_finishable(recipe, ladder.untrained)
    counts = {split: store.word_counts(split) for split in store.splits}
    for note in class_notes(find_classes(recipe, store.words), counts):
        say(note)
    results: list[RungResult] = []
    bundles = RunBundles(
        run_dir=run_dir,
        recipe=recipe,
        recipe_name=recipe_name,
        seed=seed,
        store=store,
        excluded=excluded,
    )

    def report(result: RungResult) -> None:
        results.append(result)
        say(rung_line(result))
        bundles.write_rung(result)

    with owned(run_dir), damaged_store_told(store):
        _claim(
            run_dir,
            recipe=recipe,
            recipe_name=recipe_name,
            seed=seed,
            data_key=store.key,
            excluded=excluded,
            say=say,
        )
        ladder.climb(report)
        _finish(ladder, bundles, say)
    return results


def _finish(ladder: Ladder, bundles: RunBundles, say: Say) -> None:
    """Finish the last student in each way that the recipe asks for, and write its bundles."""
    recipe = bundles.recipe
    if not recipe.finish:
        return
    last = ladder.last()
    for name in sorted(recipe.finish, key=FINISHES.index):
        folder = bundles.run_dir / "finish" / name
        finished = finish(recipe, name, last=last, folder=folder)
        say(finish_line(finished))
        bundles.write_finished(finished, last.result)


@contextmanager
def owned(run_dir: Path) -> Iterator[None]:
    """One process at a time trains in a run folder; a folder that can't be written is told."""
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        folder = os.open(run_dir, os.O_RDONLY)
    except OSError as error:
        raise PldError(
            f"the run folder {run_dir} can't be made: {error.strerror}. Give another --run-dir."
        ) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise PldError(
            f"another pld-tf is at work in {run_dir}. Wait for it, or give another folder."
        ) from error
    except OSError as error:
        raise PldError(
            f"{run_dir} can't be written: {error.strerror or error}. Make room there; the same "
            "command goes on from the last epoch."
        ) from error
    finally:
        os.close(folder)


@contextmanager
def damaged_store_told(store: Store) -> Iterator[None]:
    try:
        yield
    except tf.errors.DataLossError as error:
        raise PldError(
            f"the packed corpus {store.folder} is damaged: the checksum of a clip is wrong. Remove "
            "that folder, and the corpus is packed anew."
        ) from error


def rung_line(result: RungResult) -> str:
    """One line on a finished rung."""
    metrics = result.metrics
    network = f", network {result.network + 1}" if result.network else ""
    teacher = ""
    if metrics["teacher_accuracy"] is not None:
        teacher = f", teacher {100 * metrics['teacher_accuracy']:.1f} %"
    return (
        f"rung {result.number} ({result.length_ms} ms{network}): student "
        f"{100 * metrics['student_accuracy']:.1f} %{teacher} on {metrics['validation_clips']} "
        f"validation clips ({metrics['protocol']}), best of {metrics['epochs']} epochs"
        f"{_soft_labels_text(metrics.get('soft_labels'))}"
    )


def _soft_labels_text(stored: dict[str, Any] | None) -> str:
    if stored is None:
        return ""
    rate = stored["crops_per_second"]
    made = f", made at {rate:,.0f} crops/s" if rate else ", which lay there"
    return f"; {stored['crops']:,} soft labels, {stored['bytes'] / 1e6:.1f} MB{made}"


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
        if "kind" in values:
            raise PldError(
                f"{run_dir} is no run of pld-tf distill but of pld-tf reproduce {values['kind']}. "
                "Give another folder."
            )
        return Run(
            folder=run_dir,
            recipe_name=values["recipe_name"],
            recipe=parse_recipe(values["recipe"], str(path)),
            seed=int(values["seed"]),
            data_key=str(values["data_key"]),
            # Runs of an earlier version know no such list.
            excluded=frozenset(map(str, values.get("excluded", []))),
            commit=values["commit"],
            versions=dict(values["versions"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PldError(
            f"{path} can't be read as a run: {error!r}. Start a new run folder."
        ) from error


def is_preflight_due(recipe: Recipe, run_dir: Path) -> bool:
    """True where a ladder is to be trained whose last student must fit, and was not held against
    the recipe's `[device]` when the run began.

    Raises:
      PldError: `run_dir` holds a run that can't be read.
    """
    if recipe.device is None or (run_dir / "bundle" / "bundle.json").is_file():
        return False
    if not (run_dir / "run.json").is_file():
        return True
    return read_run(run_dir).recipe.device != recipe.device


def _claim(
    run_dir: Path,
    *,
    recipe: Recipe,
    recipe_name: str,
    seed: int,
    data_key: str,
    excluded: frozenset[str],
    say: Say,
) -> None:
    """Make the folder this run's, or check that it is."""
    if not (run_dir / "run.json").exists():
        values: dict[str, Any] = {
            "format": FORMAT,
            "recipe_name": recipe_name,
            "recipe": recipe.model_dump(mode="json"),
            "seed": seed,
            "data_key": data_key,
            "excluded": sorted(excluded),
            "commit": source_commit(),
            "versions": package_versions(),
        }
        write_json(run_dir / "run.json", values)
        return
    earlier = read_run(run_dir)
    changed = differences(earlier.recipe, recipe)
    if earlier.seed != seed:
        changed.insert(0, f"seed {earlier.seed}, now {seed}")
    if earlier.excluded != excluded:
        changed.insert(0, _other_list(earlier.excluded, excluded))
    elif earlier.data_key != data_key:
        changed.insert(0, OTHER_DATA)
    refuse_other_choices(run_dir, changed)
    now = (source_commit(), package_versions())
    if (earlier.commit, earlier.versions) != now and not (run_dir / "bundle").exists():
        say(
            f"{run_dir} was begun with other code (commit or package versions): what is trained "
            "now may differ from what either would give alone."
        )


def _other_list(earlier: frozenset[str], now: frozenset[str]) -> str:
    first = min(earlier ^ now)
    where = "then" if first in earlier else "now"
    return f"{len(earlier)} excluded clips, now {len(now)} ({first} is excluded only {where})"


def differences(earlier: Recipe, now: Recipe) -> list[str]:
    """Keys that two recipes set differently, in words; not those that change no weight."""
    values, new_values = earlier.model_dump(), now.model_dump()
    return [
        f"{key} = {values[key]}, now {new_values[key]}"
        for key in values
        if values[key] != new_values[key] and key not in CHANGE_NO_WEIGHT
    ]


def refuse_other_choices(run_dir: Path, changed: list[str]) -> None:
    """Refuse to go on in a folder that was begun otherwise.

    Raises:
      PldError: anything changed.
    """
    if changed:
        raise PldError(
            f"{run_dir} was made with {'; '.join(changed[:3])}. Give another --run-dir, or the "
            "choices it was made with."
        )
