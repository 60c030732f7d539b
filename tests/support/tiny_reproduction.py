"""A reproduction of a few tiny networks, and decisions made up for its tables."""

from pathlib import Path
from typing import Any

import numpy as np
import tiny_run
from by_key import merged, tables

from pld_tf.evaluation.decisions import Decisions
from pld_tf.recipe.load import load_recipe, parse_recipe
from pld_tf.recipe.schema import Recipe
from pld_tf.recipe.tables import PROTOCOLS
from pld_tf.reproduce.summary import Summary

LADDERS = ({500: 85.82}, {800: 93.81, 500: 89.22})
DIRECT = ({800: 93.81}, {500: 85.82})
# What these ladders and the baselines train or test, in order.
NAMES = (
    "1000", "1000-500", "1000-800", "1000-800-500", "hard-500-0-loudest", "hard-500-1-loudest",
    "padded-1000", "any-length",
)  # fmt: skip
CLIPS = 16
SIZE = 12_345


def paper_recipe(**changes: object) -> Recipe:
    """The recipe `paper` on the tiny tones, with the tiny network."""
    shipped = load_recipe("paper").model_dump(mode="json")
    tiny = {key: tiny_run.VALUES[key] for key in ("words", "models", "features")}
    tiny["words"] = tiny["words"] | {"ignored": []}
    tiny["training"] = {"epochs": 1, "batch_size": 16, "warmup_epochs": 0}
    return parse_recipe(merged(merged(shipped, tiny), tables(**changes)), "tiny paper")


def made_up(right: int, *, validation: float = 0.5, clips: int = CLIPS) -> Decisions:
    """The first `right` clips are right under each protocol."""
    is_right = (np.arange(clips) < right)[:, None]
    return Decisions(right=dict.fromkeys(PROTOCOLS, is_right), validation=validation)


def made_up_report(tested: dict[str, dict[int, Decisions]], *, seeds: int = 1) -> dict[str, Any]:
    """A whole report, as a run gives it, of these decisions."""
    recipe = paper_recipe()
    summary = Summary(recipe=recipe, seeds=seeds, clips=CLIPS, ladders=LADDERS, direct=DIRECT)
    costs = {"parameters": 4000, "int8_bytes": SIZE}
    return {
        "format": 1,
        "source": "the paper",
        "command": "pld-tf reproduce paper",
        "commit": "abc",
        "versions": {"tensorflow": "2.17.1"},
        "seeds": seeds,
        "clips": CLIPS,
        "method": "Bootstrap.",
        "open_choices": [{"open": "network", "here": "tiny", "keys": "models.0"}],
        "costs": {"1000": costs | {"macs": 200}, "800": costs | {"macs": 160}}
        | {"500": {"parameters": 4000, "macs": 100, "int8_bytes": None}},
        **summary.report(tested),
    }


def all_tested(seeds: int = 1) -> dict[str, dict[int, Decisions]]:
    """Right clips of `CLIPS`: 14, 8, 12, 10 down the ladders, then 6, 7, 4, 9."""
    right = dict(zip(NAMES, (14, 8, 12, 10, 6, 7, 4, 9), strict=True))
    return {
        name: {seed: made_up(count, validation=count / CLIPS) for seed in range(seeds)}
        for name, count in right.items()
    }


def small_bytes(bundle: Path) -> int:
    """Stands in for the conversion of a model bundle."""
    assert (bundle / "bundle.json").is_file()
    return SIZE
