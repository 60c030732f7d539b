"""The report of `pld-tf tune`, as JSON and as text."""

from typing import Any

from pld_tf.data.corpus.recordings import count_recordings, recordings_text
from pld_tf.data.other_data import other_data_text
from pld_tf.metrics.wilson import wilson_interval
from pld_tf.streams.decision import SCORE_ONE
from pld_tf.streams.exposure import Exposure, exposure, unseen_exposure
from pld_tf.streams.scored import ScoredStream
from pld_tf.streams.tune import Choice
from pld_tf.system.tables import text_table

Json = dict[str, Any]
FEW_SPEAKERS = 3  # then hardly any voice is unlike those of the training


def tuning_report(
    stream: ScoredStream,
    choice: Choice,
    *,
    wanted_per_hour: float,
    split: str,
    seed: int,
    unseen: dict[str, int] | None = None,
    other_data: Json | None = None,
) -> Json:
    """The chosen decision and its results, by keyword and in all.

    `unseen` are the false accepts in each section of sound without keywords that did not choose;
    None for a stream of words and noise alone. `other_data` says what the corpus is to the model;
    None for the one of its training.
    """
    keywords = [_keyword(stream, choice, column) for column in range(len(stream.keywords))]
    spoken, missed = sum(row["spoken"] for row in keywords), len(choice.tally.misses)
    if unseen is None:
        accepted, by_section = exposure(stream, choice.tally.false_accepts), {}
    else:
        accepted, by_section = unseen_exposure(stream, unseen)
    recordings = count_recordings(stream.recordings, stream.keywords)
    different = recordings["of_keywords"]
    return {
        "keywords": keywords,
        "sections": _sections(stream, choice, by_section),
        "smoothing": choice.smoothing,
        "other_data": other_data,
        # Repetitions of a recording are not independent: it counts once.
        "false_reject_interval": wilson_interval(missed / spoken * different, different)
        if spoken
        else None,
        "false_accepts": sum(stream.accepted(choice.tally.false_accepts)),
        "false_accepts_per_hour_interval": accepted.interval and list(accepted.interval),
        "missing": _missing(recordings, has_speech=unseen is not None),
        "tuned": {
            "split": split,
            "hours": stream.seconds / 3600,
            "seed": seed,
            "words_spoken": len(stream.spoken),
            "keywords_spoken": spoken,
            "recordings": recordings,
            "untested_keywords": list(stream.untested()),
            "false_accepts_per_hour": {
                "wanted": wanted_per_hour,
                "measured": accepted.per_hour if accepted.is_known else None,
            },
            "false_reject_rate": missed / spoken if spoken else None,
        },
    }


def _keyword(stream: ScoredStream, choice: Choice, column: int) -> Json:
    name = stream.keywords[column]
    places = [place for place, word in enumerate(stream.spoken) if word.word == name]
    return {
        "keyword": name,
        "threshold": int(choice.thresholds[column]) / SCORE_ONE,
        "recordings": len({stream.recordings[place] for place in places}),
        "spoken": len(places),
        "false_rejects": sum(word.word == name for word in choice.tally.misses),
        "false_accepts": sum(word.word == name for word in choice.tally.false_accepts),
    }


def _sections(stream: ScoredStream, choice: Choice, unseen: dict[str, Exposure]) -> list[Json]:
    """Each section of sound without keywords: what chose, and what to expect."""
    accepted = stream.accepted(choice.tally.false_accepts)
    return [
        {
            "folder": section.name,
            "hours": section.seconds / 3600,
            "false_accepts": count,
            "unseen_per_hour": unseen[section.name].per_hour,
            "unseen_per_hour_interval": list(unseen[section.name].interval or ()),
        }
        for section, count in zip(stream.counted(), accepted, strict=True)
        if section.name in unseen
    ]


def _missing(recordings: Json, *, has_speech: bool) -> list[str]:
    """What a stream lacks that a device meets."""
    missing = []
    if not recordings["of_other_words"] and not has_speech:
        missing.append("other words")
    if recordings["speakers"] is not None and recordings["speakers"] < FEW_SPEAKERS:
        missing.append("other speakers")
    return missing if has_speech else [*missing, "running speech"]


def tuning_text(report: Json) -> str:
    """The report as a table, then what it is from and what it can't say."""
    tuned = report["tuned"]
    lines = [
        text_table(
            map(_row, report["keywords"]),
            head=("keyword", "threshold", "recordings", "false rejects", "false accepts"),
            right=(1, 2, 3, 4),
        ),
        f"{tuned['hours']:g} h of {tuned['split']} stream{other_data_text(report['other_data'])}, "
        f"{tuned['words_spoken']} words "
        f"{recordings_text(tuned['recordings'])}; smoothing {report['smoothing']}: "
        f"{_accepts(report)}, {_rejects(report)}",
    ]
    if untested := tuned["untested_keywords"]:
        lines.append(
            f"No recording tests {', '.join(untested)}: the threshold is the default, or above "
            "what fired wrongly. Record these words, and tune again."
        )
    if report["sections"]:
        lines.append(_sections_text(report["sections"]))
    if not report["missing"]:
        return "\n".join(lines)
    lines.append(
        f"Not in this stream: {', '.join(report['missing'])}. On a device they give more false "
        "accepts; docs/data.md says where to get recordings."
    )
    return "\n".join(lines)


def _sections_text(sections: list[Json]) -> str:
    """A table of the sound without keywords, folder by folder."""
    return text_table(
        (
            (
                one["folder"] or "_negatives_",
                f"{one['hours']:.2f}",
                str(one["false_accepts"]),
                f"{one['unseen_per_hour']:.1f}",
                "{:.1f} to {:.1f}".format(*one["unseen_per_hour_interval"]),
            )
            for one in sections
        ),
        head=("sound without keywords", "hours", "false accepts", "expected/h", "interval"),
        right=(1, 2, 3, 4),
    )


def _accepts(report: Json) -> str:
    accepts, interval = (
        report["tuned"]["false_accepts_per_hour"],
        report["false_accepts_per_hour_interval"],
    )
    edges = f"{interval[0]:.1f} to {interval[1]:,.1f}; " if interval else ""
    if accepts["measured"] is None:
        return (
            f"false accepts/h not known ({edges}wanted {accepts['wanted']:g}), "
            f"{report['false_accepts']} in this stream"
        )
    return f"{accepts['measured']:.1f} false accepts/h ({edges}wanted {accepts['wanted']:g})"


def _rejects(report: Json) -> str:
    rate, interval = report["tuned"]["false_reject_rate"], report["false_reject_interval"]
    if rate is None:
        return "no keyword was spoken"
    low, high = interval
    return (
        f"{100 * rate:.1f} % of {report['tuned']['keywords_spoken']} keywords rejected "
        f"({100 * low:.1f} to {100 * high:.1f})"
    )


def _row(row: Json) -> tuple[str, ...]:
    threshold = f"{row['threshold']:.3f}" if row["threshold"] <= 1 else "never"
    rejects = f"{row['false_rejects']} of {row['spoken']}"
    return row["keyword"], threshold, str(row["recordings"]), rejects, str(row["false_accepts"])
