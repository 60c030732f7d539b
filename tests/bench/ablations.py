"""One choice changed at a time: python tests/bench/ablations.py --data DATA --run-dir RUN

Trains each row of ablations.toml with each seed, all in one folder so that rows share teachers, and
measures on validation clips. Goes on where it stopped; prints the table of what is done.
"""

import argparse
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from pld_tf.system.stderr import load_tensorflow

ROWS = Path(__file__).with_name("ablations.toml")


def main() -> None:
    arguments = _arguments()
    load_tensorflow()
    text = tomllib.loads(arguments.rows.read_text("utf-8"))
    rows = [row for row in text["rows"] if not arguments.only or row["name"] in arguments.only]
    runs = Runs(text["base"], arguments.data, arguments.run_dir)
    if not arguments.table:
        for seed in arguments.only_seeds or range(arguments.seeds):
            for row in rows:
                runs.measure(row, seed)
    print(table(text["rows"], runs, arguments.seeds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--only-seeds", type=int, nargs="*", help="train these: two processes use two cores better"
    )
    parser.add_argument("--rows", type=Path, default=ROWS, help="TOML file of rows")
    parser.add_argument("--only", nargs="*", help="names of rows to train")
    parser.add_argument("--table", action="store_true", help="train nothing, print what is done")
    return parser.parse_args()


class Runs:
    """Trained rows, and their decisions on the validation clips."""

    def __init__(self, base: dict[str, Any], data: Path, run_dir: Path) -> None:
        from pld_tf.data.corpus.classes import find_classes
        from pld_tf.data.held_out import held_out
        from pld_tf.data.open import open_data
        from pld_tf.recipe.load import load_recipe

        self._base = base
        self._run_dir = run_dir
        recipe = load_recipe(base["recipe"], base["set"])
        self._store = open_data(data, recipe, skip_bad=False, say=print)
        # Those of the base for every row: a row may ask for other quotas of clips.
        self._clips = held_out(
            self._store, find_classes(recipe.words, self._store.words), "validation"
        )

    def measure(self, row: dict[str, Any], seed: int) -> None:
        """Train what is missing of a row, and keep its decisions."""
        from pld_tf.distill.ladder import Ladder
        from pld_tf.evaluation.decisions import Decisions, right_decisions, write_decisions
        from pld_tf.recipe.load import load_recipe

        if self._file(row["name"], seed).is_file():
            return
        recipe = load_recipe(self._base["recipe"], [*self._base["set"], *row["set"]])
        last = recipe.rungs - 1
        ladder = Ladder(recipe=recipe, store=self._store, run_dir=self._run_dir, seed=seed)
        ladder.climb(lambda result: None)
        result = ladder.load(last)
        right = right_decisions(
            result.student,
            self._clips,
            spec=recipe.features,
            tested_ms=result.length_ms,
            input_ms=result.length_ms,
        )
        kept = Decisions(right=right, validation=result.metrics["student_accuracy"])
        write_decisions(self._file(row["name"], seed), kept)

    def shares(self, name: str, protocol: str, seeds: int) -> np.ndarray:
        """Share of right decisions, [seeds that are done, clips]."""
        from pld_tf.system.files import read_npz

        files = [self._file(name, seed) for seed in range(seeds)]
        done = [read_npz(path)[protocol].mean(axis=1) for path in files if path.is_file()]
        return np.array(done)

    def _file(self, name: str, seed: int) -> Path:
        return self._run_dir / "decisions" / f"{name}-seed{seed}.npz"


def table(rows: list[dict[str, Any]], runs: Runs, seeds: int) -> str:
    """Markdown: validation accuracy of each row, and its gain over the one it compares with."""
    from pld_tf.recipe.tables import PROTOCOLS

    head = ["row", "what it asks", "seeds", *PROTOCOLS, "against", "gain, loudest", "gain, random"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        shares = {protocol: runs.shares(row["name"], protocol, seeds) for protocol in PROTOCOLS}
        if not len(shares["loudest"]):
            continue
        against = row.get("against", rows[0]["name"])
        gains = ["", ""]
        if against != row["name"]:
            other = [runs.shares(against, name, seeds) for name in ("loudest", "random")]
            pairs = zip((shares["loudest"], shares["random"]), other, strict=True)
            gains = [_gain(ours, theirs) for ours, theirs in pairs]
        accuracies = [f"{100 * shares[protocol].mean():.2f}" for protocol in PROTOCOLS]
        done = str(len(shares["loudest"]))
        against = against if any(gains) else ""
        lines.append([row["name"], row["asks"], done, *accuracies, against, *gains])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _gain(ours: np.ndarray, theirs: np.ndarray) -> str:
    from pld_tf.metrics.bootstrap import clip_weights, interval

    seeds = min(len(ours), len(theirs))
    if not seeds or ours.shape[1] != theirs.shape[1]:
        return ""
    weights = clip_weights(ours.shape[1])
    found = interval(ours[:seeds] - theirs[:seeds], weights, lowest=-1.0)
    return f"{100 * found.mean:+.2f} [{100 * found.low:+.2f}, {100 * found.high:+.2f}]"


if __name__ == "__main__":
    main()
