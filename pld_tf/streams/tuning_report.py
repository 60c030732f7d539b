"""The report of `pld-tf tune`, as JSON and as text."""

from typing import Any

from pld_tf.data.other_data import other_data_text
from pld_tf.metrics.poisson import poisson_interval
from pld_tf.metrics.wilson import wilson_interval
from pld_tf.streams.decision import SCORE_ONE
from pld_tf.streams.tune import Choice, ScoredStream
from pld_tf.system.tables import text_table

Json = dict[str, Any]


def tuning_report(
    stream: ScoredStream,
    choice: Choice,
    *,
    wanted_per_hour: float,
    split: str,
    seed: int,
    other_data: Json | None = None,
) -> Json:
    """The chosen decision and its results, by keyword and in all.

    `other_data` says what the corpus is to the model; None for the one of its training.
    """
    hours = stream.seconds / 3600
    tally = choice.tally
    keywords = []
    for column, name in enumerate(stream.keywords):
        spoken = sum(word.word == name for word in stream.spoken)
        keywords.append(
            {
                "keyword": name,
                "threshold": int(choice.thresholds[column]) / SCORE_ONE,
                "spoken": spoken,
                "false_rejects": sum(word.word == name for word in tally.misses),
                "false_accepts": sum(word.word == name for word in tally.false_accepts),
            }
        )
    spoken, missed = sum(row["spoken"] for row in keywords), len(tally.misses)
    accepted = len(tally.false_accepts)
    return {
        "keywords": keywords,
        "smoothing": choice.smoothing,
        "other_data": other_data,
        "false_reject_interval": wilson_interval(missed, spoken) if spoken else None,
        "false_accepts_per_hour_interval": [edge / hours for edge in poisson_interval(accepted)],
        "tuned": {
            "split": split,
            "hours": hours,
            "seed": seed,
            "words_spoken": len(stream.spoken),
            "keywords_spoken": spoken,
            "false_accepts_per_hour": {
                "wanted": wanted_per_hour,
                "measured": accepted / hours,
            },
            "false_reject_rate": missed / spoken if spoken else None,
        },
    }


def tuning_text(report: Json) -> str:
    """The report as a table."""
    tuned = report["tuned"]
    keywords = text_table(
        (_keyword(row, tuned["hours"]) for row in report["keywords"]),
        head=("keyword", "threshold", "false rejects", "false accepts/h"),
        right=(1, 2, 3),
    )
    rate, low_high = tuned["false_reject_rate"], report["false_reject_interval"]
    accepts = tuned["false_accepts_per_hour"]
    low, high = report["false_accepts_per_hour_interval"]
    rejected = "no keyword was spoken"
    if rate is not None:
        rejected = (
            f"{100 * rate:.1f} % of {tuned['keywords_spoken']} keywords rejected "
            f"({100 * low_high[0]:.1f} to {100 * low_high[1]:.1f})"
        )
    summary = (
        f"{tuned['hours']:g} h of {tuned['split']} stream{other_data_text(report['other_data'])}, "
        f"{tuned['words_spoken']} words, "
        f"smoothing {report['smoothing']}: {accepts['measured']:.1f} false accepts/h "
        f"({low:.1f} to {high:.1f}; wanted {accepts['wanted']:g}), {rejected}"
    )
    return f"{keywords}\n{summary}"


def _keyword(row: Json, hours: float) -> tuple[str, ...]:
    threshold = f"{row['threshold']:.3f}" if row["threshold"] <= 1 else "never"
    rejects = f"{row['false_rejects']} of {row['spoken']}"
    return row["keyword"], threshold, rejects, f"{row['false_accepts'] / hours:.1f}"
