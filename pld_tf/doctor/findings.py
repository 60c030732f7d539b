"""Findings on clips: reasons in order of weight, and the file that lists the clips."""

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pld_tf.data.corpus.corpus import Clip
from pld_tf.doctor.overview import Overview, overview_json, overview_text
from pld_tf.system.files import refuse_foreign, write_text
from pld_tf.system.own_files import record_files
from pld_tf.system.tables import text_table

# Worst first: faults that bias the test, that teach wrong labels, that only weaken training.
REASONS = {
    "duplicate_in_two_splits": "a copy of it is held out: it would be trained and tested on",
    "speaker_in_two_splits": "most clips of this speaker are in another split",
    "duplicate_two_words": "the same recording under several words",
    "disputed": "a trained model is confident that it is something else",
    "unreadable": "no whole recording",
    "near_silent": "too quiet to hold a word",
    "no_word": "as loud throughout, so that no word stands out",
    "quiet": "far quieter than most clips",
    "loud": "far louder than most clips",
    "cut_off": "loud up to its first or last moment, as a word cut in two",
    "clipped": "samples stand at full scale",
    "short": "so short that crops reach past its ends",
    "content_duplicate": "the samples of another clip, but for zeros at the ends",
    "byte_duplicate": "the file of another clip",
    "wrong_rate": "resampled when packed",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One reason to look at one clip; `detail` says what was measured."""

    path: str
    word: str
    split: str
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the doctor found.

    Attributes:
      clips: how many were checked.
      overview: words, speakers and splits.
      levels: median level of the words in dB of full scale, by split, and of a run's training.
      findings: by weight of their reason, then by path.
      notes: one line each on the corpus, and on what could not be checked.
      limits: the thresholds that were used.
    """

    data: str
    clips: int
    overview: Overview
    levels: dict[str, float | None]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    limits: dict[str, float]

    def by_reason(self) -> dict[str, list[Finding]]:
        """Findings of each reason that occurs, worst first."""
        groups = {reason: [f for f in self.findings if f.reason == reason] for reason in REASONS}
        return {reason: group for reason, group in groups.items() if group}


def finding(clip: Clip, reason: str, detail: str) -> Finding:
    return Finding(path=clip.path, word=clip.word, split=clip.split, reason=reason, detail=detail)


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """By weight, then by path."""
    weight = list(REASONS).index
    return tuple(sorted(findings, key=lambda f: (weight(f.reason), f.path)))


def report_json(report: Report) -> dict[str, Any]:
    """The report described in docs/formats.md, ready for JSON."""
    return {
        "format": 1,
        "data": report.data,
        "clips": report.clips,
        "overview": overview_json(report.overview),
        "levels_db": report.levels,
        "found": len({found.path for found in report.findings}),
        "limits": report.limits,
        "findings": {
            reason: {"count": len(group), "example": asdict(group[0])}
            for reason, group in report.by_reason().items()
        },
        "notes": list(report.notes),
    }


def report_text(report: Report) -> str:
    """The report for people: overview, counts with an example each, worst first, notes."""
    rows: list[tuple[str, str]] = []
    for reason, group in report.by_reason().items():
        first = group[0]
        rows += [
            (f"{len(group):,}", f"{reason}: {REASONS[reason]}"),
            ("", f"as {first.path} ({first.detail})"),
        ]
    lines = [f"{report.data}: {report.clips:,} clips", overview_text(report.overview), ""]
    if rows:
        lines.append(text_table(rows, right=[0]))
    found = len({found.path for found in report.findings})
    lines.append(f"{found:,} clips with findings." if found else "Nothing was found.")
    return "\n".join([*lines, *report.notes])


def write_findings(path: Path, report: Report) -> None:
    """Write one CSV row for each finding, columns as in `Finding`.

    Raises:
      PldError: the file is there and not as it was written.
      OSError: it can't be written.
    """
    refuse_foreign([path], option="--out")
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, [field.name for field in fields(Finding)], lineterminator="\n")
    rows.writeheader()
    rows.writerows(asdict(found) for found in report.findings)
    write_text(path, text.getvalue())
    record_files([path])
