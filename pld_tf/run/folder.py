"""The run folder: what it was made from, and the model bundle at its end."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pld_tf.data.store.packed import Store, training_key
from pld_tf.data.store.trained_on import TRAINED_ON
from pld_tf.errors import PldError
from pld_tf.recipe.affects import Affects, choices
from pld_tf.recipe.load import parse_recipe
from pld_tf.recipe.schema import Recipe
from pld_tf.run.onednn import read_onednn
from pld_tf.system.files import write_json
from pld_tf.system.folder_kind import RUN, other_kind
from pld_tf.system.onednn import is_onednn_on
from pld_tf.system.progress import Say
from pld_tf.system.provenance import package_versions
from pld_tf.system.source_commit import source_commit
from pld_tf.system.temporary import errors_name

RUN_FORMAT = 2
# What a run writes beside run.json.
WRITTEN = (TRAINED_ON, "rungs", "bundle", "finish", "soft_labels")
OTHER_DATA = "other data, or data that has changed since"


@dataclass(frozen=True, kw_only=True)
class Run:
    """The contents of `run.json`: the recipe, seed and data of a run.

    `excluded` are the paths of clips that the run leaves out, whether they exist or not. `onednn`
    says whether it computes with oneDNN's kernels. `negatives_key` is None if it takes none.
    """

    folder: Path
    recipe_name: str
    recipe: Recipe
    seed: int
    data_key: str
    negatives_key: str | None
    excluded: frozenset[str]
    onednn: bool
    commit: str | None
    versions: dict[str, str]

    @property
    def training_key(self) -> str:
        """The key of all recordings that it was trained on."""
        return training_key(self.data_key, self.negatives_key)


@contextmanager
def owned(run_dir: Path) -> Iterator[None]:
    """Lets one process at a time train in a run folder.

    Raises:
      PldError: it can't be made, or another process trains in it.
      OSError: the body's; where it names nothing, as of a full disk, it gets the run folder.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        folder = os.open(run_dir, os.O_RDONLY)
    except OSError as error:
        raise PldError(
            f"the run folder {run_dir} can't be made: {error.strerror}. Give another --run-dir."
        ) from error
    try:
        with errors_name(run_dir, temporary=run_dir):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError as error:
        raise PldError(
            f"another pld-tf is at work in {run_dir}. Wait for it, or give another folder."
        ) from error
    finally:
        os.close(folder)


def read_run(run_dir: Path) -> Run:
    """What a run folder was made from.

    Raises:
      PldError: not a run folder, or one of another format.
    """
    path = run_dir / "run.json"
    if not path.is_file():
        raise PldError(
            other_kind(run_dir, needed=RUN)
            or f"{run_dir} is no run folder: {path.name} is missing. pld-tf distill makes one."
        )
    try:
        values = json.loads(path.read_text("utf-8"))
        if "kind" in values:
            raise PldError(
                f"{run_dir} is no run of pld-tf distill but of pld-tf reproduce {values['kind']}. "
                "Give another folder."
            )
        if values["format"] != RUN_FORMAT:
            raise PldError(
                f"{path} has format {values['format']}; this version reads {RUN_FORMAT}. Train "
                "anew in another folder, or go on with the version that began it."
            )
        return Run(
            folder=run_dir,
            recipe_name=values["recipe_name"],
            recipe=parse_recipe(values["recipe"], str(path)),
            seed=int(values["seed"]),
            data_key=str(values["data_key"]),
            negatives_key=values.get("negatives_key"),  # runs of an earlier version lack it
            # Runs of an earlier version lack this list.
            excluded=frozenset(map(str, values.get("excluded", []))),
            onednn=read_onednn(values),
            commit=values["commit"],
            versions=dict(values["versions"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PldError(
            f"{path} can't be read as a run: {error!r}. Start a new run folder."
        ) from error


def is_preflight_due(recipe: Recipe, run_dir: Path) -> bool:
    """Whether the last student must still be checked against the recipe's `[device]`. True before
    the ladder is trained, unless the run was started with the same `[device]`.

    Raises:
      PldError: `run_dir` holds a run that can't be read.
    """
    if recipe.device is None or (run_dir / "bundle" / "bundle.json").is_file():
        return False
    if not (run_dir / "run.json").is_file():
        return True
    return read_run(run_dir).recipe.device != recipe.device


def claim(
    run_dir: Path,
    *,
    recipe: Recipe,
    recipe_name: str,
    seed: int,
    store: Store,
    excluded: frozenset[str],
    say: Say,
) -> None:
    """Claim the folder for this run, or check that it belongs to it."""
    negatives_key = store.negatives.key if store.negatives else None
    if not (run_dir / "run.json").exists():
        refuse_occupied(run_dir, WRITTEN)
        values: dict[str, Any] = {
            "format": RUN_FORMAT,
            "recipe_name": recipe_name,
            "recipe": recipe.model_dump(mode="json"),
            "seed": seed,
            "data_key": store.key,
            "negatives_key": negatives_key,
            "excluded": sorted(excluded),
            "onednn": is_onednn_on(),
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
    elif earlier.data_key != store.key:
        changed.insert(0, OTHER_DATA)
    elif earlier.negatives_key != negatives_key:
        changed.insert(0, f"in _negatives_ {OTHER_DATA}")
    refuse_other_choices(run_dir, changed)
    now = (is_onednn_on(), source_commit(), package_versions())
    begun = (earlier.onednn, earlier.commit, earlier.versions)
    if begun != now and not (run_dir / "bundle").exists():
        say(
            f"{run_dir} was begun with other code (oneDNN, commit or package versions): what is "
            "trained now may differ from what either would give alone."
        )


def refuse_occupied(run_dir: Path, names: Iterable[str]) -> None:
    """Refuse a folder without `run.json` that has files where a run would write its own.

    Raises:
      PldError: there is such a file.
    """
    found = [name for name in names if os.path.lexists(run_dir / name)]
    if found:
        raise PldError(
            f"{run_dir} has no run.json, but {', '.join(found)}, which no run of pld-tf left "
            "there; "
            "nothing was written. Give another --run-dir."
        )


def _other_list(earlier: frozenset[str], now: frozenset[str]) -> str:
    first = min(earlier ^ now)
    where = "then" if first in earlier else "now"
    return f"{len(earlier)} excluded clips, now {len(now)} ({first} is excluded only {where})"


def differences(earlier: Recipe, now: Recipe) -> list[str]:
    """Keys that two recipes set differently, in words; only keys that change weights."""
    weights = (Affects.WEIGHTS, Affects.TEACHING, Affects.RUNG)
    values, new_values = choices(earlier, *weights), choices(now, *weights)
    return [
        f"{key} = {values[key]}, now {new_values[key]}"
        for key in values
        if values[key] != new_values[key]
    ]


def refuse_other_choices(run_dir: Path, changed: list[str]) -> None:
    """Refuse to continue in a folder that was started with other choices.

    Raises:
      PldError: anything changed.
    """
    if changed:
        raise PldError(
            f"{run_dir} was made with {'; '.join(changed[:3])}. Give another --run-dir, or the "
            "choices it was made with."
        )
