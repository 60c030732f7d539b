"""The report on hours of sound, from scores made up for it."""

import numpy as np
import pytest

from pld_tf.metrics.poisson import poisson_interval
from pld_tf.streams.detections import Spoken
from pld_tf.streams.listening import Decision, listening_report
from pld_tf.streams.listening_text import listening_text
from pld_tf.streams.scored import ScoredSound, ScoredStream

DECISION = Decision(
    keywords=("a", "b"), thresholds=np.array([16384, 24576]), smoothing=1, refractory=0
)


def sound(folder, scores):
    columns = np.array(scores)
    return ScoredSound(
        folder=folder, times_s=1.0 + np.arange(len(columns)), scores=columns, seconds=360.0
    )


SPOKEN = ScoredStream(
    keywords=("a", "b"),
    spoken=(
        Spoken(word="a", start_s=0.5, end_s=0.9),
        Spoken(word="b", start_s=9.5, end_s=9.8),
        Spoken(word="b", start_s=19.5, end_s=19.8),
    ),
    recordings=("a/1", "b/1", "b/2"),
    times_s=np.array([1.0, 1.5, 10.0, 15.0]),
    scores=np.array([[20000, 0], [20000, 0], [20000, 0], [20000, 0]]),
    seconds=30.0,
)


@pytest.fixture
def report():
    sounds = [
        sound("radio", [[16384, 0], [0, 0], [0, 24576]]),
        sound("radio", [[0, 24575], [16383, 0], [30000, 0]]),
        sound("rain", [[0, 0]]),
    ]
    return listening_report(DECISION, sounds, {"clean": SPOKEN})


def test_false_accepts_are_told_by_folder_and_word_with_their_interval(report):
    radio, rain = report["folders"]
    assert (radio["hours"], radio["false_accepts"], radio["recordings"]) == (0.2, 3, 2)
    assert radio["per_hour"] == pytest.approx(15)
    assert radio["by_word"] == {"a": 2, "b": 1}
    assert radio["per_hour_interval"] == [edge / 0.2 for edge in poisson_interval(3)]
    assert (rain["false_accepts"], rain["per_hour_interval"][0]) == (0, 0)


def test_misses_double_and_wrong_detections_are_told_apart(report):
    (row,) = report["conditions"]
    assert (row["words"], row["missed"]) == (3, 2)
    assert row["missed_by_word"] == {"a": 0.0, "b": 1.0}
    assert (row["double"], row["other_word"], row["no_word"]) == (1, 1, 1)
    assert row["delay_ms"]["median"] == pytest.approx(100)


def test_the_curve_falls_in_false_accepts_as_misses_rise(report):
    rates = [point["per_hour"] for point in report["curve"]]
    missed = [point["missed_share"]["clean"] for point in report["curve"]]
    assert rates == sorted(rates, reverse=True)
    assert missed == sorted(missed)
    assert rates[6] == pytest.approx(10)  # the thresholds as they are, in all folders


def test_the_text_shows_folders_conditions_and_curve(report):
    text = listening_text(report)
    assert "radio" in text
    assert "66.7 %" in text
    assert "a 2, b 1" in text
