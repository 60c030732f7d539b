"""Which detections are right, and how sure a count is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pld_tf.metrics.poisson import poisson_interval
from pld_tf.streams.detections import DETECTED_WITHIN_S, Detected, Spoken, match, tally

WORDS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=8)
TIMES = st.lists(st.integers(0, 400), max_size=20)


def spoken(word, start_s, end_s):
    return Spoken(word=word, start_s=start_s, end_s=end_s)


def heard(word, time_s):
    return Detected(word=word, time_s=time_s)


def test_a_word_is_heard_from_its_start_until_a_while_after_its_end():
    def which(time_s):
        return match(starts_s=[1.0], ends_s=[2.0], times_s=[time_s])

    assert DETECTED_WITHIN_S == 0.75
    assert [which(t) for t in (0.99, 1.0, 2.75, 2.76)] == [[None], [0], [0], [None]]


def test_a_second_detection_of_one_word_is_false():
    assert match(starts_s=[1.0], ends_s=[2.0], times_s=[1.5, 2.5]) == [0, None]


def test_a_detection_between_two_words_belongs_to_the_first_that_has_none():
    assert match(starts_s=[1.0, 1.6], ends_s=[1.5, 2.0], times_s=[1.7, 1.8]) == [0, 1]


def test_a_word_that_was_missed_does_not_take_the_next_ones_detection():
    assert match(starts_s=[1.0, 5.0], ends_s=[1.5, 5.5], times_s=[5.6]) == [1]


@given(WORDS, TIMES)
def test_no_more_detections_can_be_matched(words, times):
    """Against the size of a maximum matching, found by trying every augmenting path."""
    starts, ends, at = [], [], 0.0
    for pause, length in words:
        starts.append(at + pause / 4)
        ends.append(starts[-1] + length / 4)
        at = ends[-1]
    times_s = sorted(time / 20 for time in times)
    which = match(starts_s=starts, ends_s=ends, times_s=times_s)
    fits = [
        [w for w in range(len(starts)) if starts[w] <= t <= ends[w] + DETECTED_WITHIN_S]
        for t in times_s
    ]
    for detection, word in enumerate(which):
        assert word is None or word in fits[detection]
    taken = [word for word in which if word is not None]
    assert len(set(taken)) == len(taken) == _most(fits)


def _most(fits):
    owner = {}

    def find(detection, seen):
        for word in fits[detection]:
            if word not in seen:
                seen.add(word)
                if word not in owner or find(owner[word], seen):
                    owner[word] = detection
                    return True
        return False

    return sum(find(detection, set()) for detection in range(len(fits)))


def test_a_tally_has_hits_misses_and_false_accepts():
    words = [
        spoken("yes", 1, 1.5),
        spoken("no", 3, 3.5),
        spoken("bird", 5, 5.5),
        spoken("yes", 7, 8),
    ]
    detections = [heard("yes", 1.6), heard("yes", 3.2), heard("no", 5.2), heard("yes", 7.5)]
    counted = tally(words, detections, ("no", "yes"))
    assert counted.hits == ((words[0], detections[0]), (words[3], detections[3]))
    assert counted.misses == (words[1],)
    assert counted.false_accepts == (detections[1], detections[2])


def test_another_word_accounts_for_no_detection():
    counted = tally([spoken("no", 1, 2)], [heard("yes", 1.5)], ("yes", "no"))
    assert len(counted.false_accepts) == len(counted.misses) == 1


@pytest.mark.parametrize(
    ("events", "low", "high"),
    # Garwood's table: 0.025 and 0.975 quantiles of chi squared with 2k and 2k + 2, halved.
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (2, 0.2422, 7.2247), (10, 4.7954, 18.3904),
     (100, 81.3640, 121.6268)],
)  # fmt: skip
def test_worked_poisson_intervals(events, low, high):
    assert poisson_interval(events) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(0, 300), st.floats(0.5, 0.99))
def test_an_interval_holds_its_count_and_grows_with_confidence(events, confidence):
    low, high = poisson_interval(events, confidence=confidence)
    wider_low, wider_high = poisson_interval(events, confidence=(1 + confidence) / 2)
    assert wider_low <= low <= events <= high <= wider_high
    assert math.isfinite(wider_high)


def test_no_event_of_90_percent_is_minus_log_of_a_twentieth():
    assert poisson_interval(0, confidence=0.9)[1] == pytest.approx(-math.log(0.05))
