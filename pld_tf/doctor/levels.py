"""How loud the words of a corpus are, against each other and against a run's training."""

from collections.abc import Iterator, Mapping

import numpy as np

from pld_tf.data.corpus.corpus import Clip
from pld_tf.data.corpus.split import SPLITS
from pld_tf.doctor.findings import Finding, finding

OUTLIER_DB = 20  # of 1,500 clips of Speech Commands, 3 % are further below their median
APART_DB = 6  # of medians; those of a corpus of one kind differ by a decibel or two
ALL, RUN = "all", "run"
COST = "12 dB quieter than the training turned an accuracy of 98 % into 92 %, 20 dB into 85 %"


def level_findings(levels_db: Mapping[Clip, float]) -> Iterator[Finding]:
    """Clips far from the median level of all."""
    median = float(np.median(list(levels_db.values()))) if levels_db else 0.0
    for clip, level in levels_db.items():
        if abs(level - median) >= OUTLIER_DB:
            reason = "quiet" if level < median else "loud"
            yield finding(clip, reason, f"{level:.0f} dB of full scale; the median is {median:.0f}")


def median_levels(
    levels_db: Mapping[Clip, float], trained_db: float | None
) -> dict[str, float | None]:
    """Median level of all clips, of each split, and of a run's training; None without clips."""
    of_split = {
        split: [level for clip, level in levels_db.items() if clip.split == split]
        for split in SPLITS
    }
    levels = {ALL: list(levels_db.values()), **of_split}
    medians = {name: _median(values) for name, values in levels.items()}
    return medians if trained_db is None else {**medians, RUN: trained_db}


def _median(levels: list[float]) -> float | None:
    return round(float(np.median(levels)), 1) if levels else None


def level_notes(medians: Mapping[str, float | None]) -> Iterator[str]:
    """The level of the words, and what differs from it."""
    whole = medians[ALL]
    if whole is None:
        return
    yield f"The words are at {whole:.0f} dB of full scale (median of the loudest 200 ms)."
    for split in ("test", "validation"):
        yield from _apart(medians[split], medians["train"], f"The {split} clips", "those for train")
    yield from _apart(whole, medians.get(RUN), "The words", "those that the run was trained on")


def _apart(level: float | None, other: float | None, what: str, others: str) -> Iterator[str]:
    if level is None or other is None or abs(level - other) < APART_DB:
        return
    how = "quieter" if level < other else "louder"
    yield (
        f"{what} are {abs(level - other):.0f} dB {how} than {others}. {COST}; augment.gain_db "
        "sets the range that is trained."
    )
