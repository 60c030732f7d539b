"""How much one way of training gains over another: runs paired by seed, decisions by clip."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pld_tf.data.other_data import other_data_text
from pld_tf.errors import PldError
from pld_tf.evaluation.decisions import right_decisions
from pld_tf.evaluation.evaluate import OpenedRung, open_rung
from pld_tf.metrics.bootstrap import METHOD, clip_weights, interval
from pld_tf.recipe.tables import PROTOCOLS
from pld_tf.system.progress import Say
from pld_tf.system.tables import text_table


def compare_runs(
    runs: Sequence[Path],
    against: Sequence[Path],
    *,
    data: Path,
    split: str,
    skip_bad: bool,
    say: Say,
) -> dict[str, Any]:
    """Compare the last students of two lists of runs, pair by pair.

    Args:
      runs: folders, one for each seed.
      against: as many folders, seeds in the same order.
      data: the corpus that all runs were trained on, or another.
      split: "test" or "validation".
      skip_bad: leave unreadable clips out.
      say: called with each note on the corpus.

    Returns:
      The report described in docs/formats.md, ready for JSON.

    Raises:
      PldError: numbers of runs, seeds, classes, clips or input lengths differ, or a run is
        not finished.
    """
    if len(runs) != len(against):
        raise PldError(
            f"each run needs one to be compared with, got {len(runs)} runs and {len(against)} "
            "--against. Give --against as often as there are runs."
        )
    opened = [
        open_rung(run, data=data, rung=None, split=split, skip_bad=skip_bad, say=say)
        for run in (*runs, *against)
    ]
    known = frozenset[bytes]().union(*(one.tested.known_paths() for one in opened))
    if known:  # a clip that one run knows counts for none
        opened = [one.without(known) for one in opened]
    for other in opened[1:]:
        _require_alike(opened[0], other)
    _require_pairs(opened[: len(runs)], opened[len(runs) :])
    decisions = [
        right_decisions(
            one.result.student,
            one.clips,
            spec=one.run.recipe.features,
            tested_ms=one.result.length_ms,
            input_ms=one.result.length_ms,
        )
        for one in opened
    ]
    right_shares = {
        protocol: np.stack([right[protocol].mean(axis=1) for right in decisions])
        for protocol in PROTOCOLS
    }
    return {
        "runs": [str(run) for run in runs],
        "against": [str(run) for run in against],
        "split": split,
        "clips": len(opened[0].clips),
        "other_data": _other_data(opened),
        "length_ms": opened[0].result.length_ms,
        "intervals": METHOD,
        "protocols": {
            protocol: _protocol(values[: len(runs)], values[len(runs) :])
            for protocol, values in right_shares.items()
        },
    }


def comparison_text(report: dict[str, Any]) -> str:
    """The report as a table for a terminal."""
    pairs = len(report["runs"])
    other = next(iter(report["other_data"]), None)
    head = (
        f"{', '.join(report['runs'])} against {', '.join(report['against'])}: {pairs} "
        f"pair{'s' if pairs > 1 else ''}, {report['length_ms']} ms, {report['clips']} "
        f"{report['split']} clips{other_data_text(other)}"
    )
    rows = [_row(name, values) for name, values in report["protocols"].items()]
    titles = ("protocol", "runs", "against", "gain", "95 % interval", "by pair")
    return "\n".join([head, "", text_table(rows, head=titles, right=(1, 2, 3))])


def _other_data(opened: Sequence[OpenedRung]) -> list[dict[str, Any]]:
    """What the data is to each run that was not trained on it."""
    found = [one.tested.other_json() for one in opened]
    return [other for other in found if other is not None]


def _row(name: str, values: dict[str, Any]) -> tuple[str, ...]:
    ours, theirs = (100 * values[of]["mean"] for of in ("runs", "against"))
    mean, low, high = (100 * values["gain"][of] for of in ("mean", "low", "high"))
    by_pair = " ".join(f"{100 * each:+.2f}" for each in values["gain_by_pair"])
    between = f"{low:+.2f} to {high:+.2f}"
    return name, f"{ours:.2f} %", f"{theirs:.2f} %", f"{mean:+.2f}", between, by_pair


def _require_alike(first: OpenedRung, other: OpenedRung) -> None:
    for what, ours, theirs in (
        ("classes", list(first.classes.names), list(other.classes.names)),
        ("an input length of", first.result.length_ms, other.result.length_ms),
    ):
        if ours != theirs:
            raise PldError(
                f"{other.run.folder} has {what} {theirs}, {first.run.folder} {ours}: their clips "
                "can't be paired. Give runs of the same task and input length."
            )
    ours, theirs = first.clips, other.clips
    # One run may have been trained on this corpus and the other not: their packed forms differ.
    same = np.array_equal(ours.paths(), theirs.paths())
    if not same or not np.array_equal(ours.labels, theirs.labels):
        raise PldError(
            f"{other.run.folder} is tested on other clips than {first.run.folder}: unknown, "
            "silence, words.ignored or --exclude differ. Give runs of the same task."
        )


def _require_pairs(runs: Sequence[OpenedRung], against: Sequence[OpenedRung]) -> None:
    seeds, others = ([one.run.seed for one in side] for side in (runs, against))
    if seeds != others or len(set(seeds)) < len(seeds):
        raise PldError(
            f"runs are paired by seed, each seed once, got seeds {seeds} and --against {others}. "
            "Give both in the same order."
        )


def _protocol(ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    """Means and intervals of the shares of right decisions, both [pairs, clips]."""
    weights = clip_weights(ours.shape[1])
    gains = ours - theirs
    return {
        "runs": interval(ours, weights, lowest=0.0).to_dict(),
        "against": interval(theirs, weights, lowest=0.0).to_dict(),
        "gain": interval(gains, weights, lowest=-1.0).to_dict(),
        "gain_by_pair": gains.mean(axis=1).tolist(),
    }
