"""Thresholds from scores: against every decision there is, on streams small enough to try all."""

import itertools
import json

import listening_bundle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.c_code.decision import THRESHOLD
from export.jobs.set_decision import read_decision
from pld_tf.bridge import tune_bundle
from pld_tf.bridge.score import score_pieces
from pld_tf.bridge.stream_clips import stream_clips
from pld_tf.streams.decision import NEVER, SCORE_ONE
from pld_tf.streams.detections import Detected, Spoken, Tally
from pld_tf.streams.exposure import exposure
from pld_tf.streams.scored import ScoredSound, ScoredStream, with_sounds
from pld_tf.streams.tune import (
    SMOOTHINGS,
    UNTESTED,
    Choice,
    _choose_thresholds,
    _Option,
    _share_out,
    choose,
    count,
    unseen_accepts,
)
from pld_tf.streams.tuning_report import tuning_report, tuning_text

SCORES = st.sampled_from([0, 40, 9000, 16384, 16385, 30000, SCORE_ONE])


def stream(scores, spoken_at, *, step_s=1.0):
    """Words of 0.2 s end at an inference, and with a second between two no other hears them."""
    columns = np.array(scores, np.int64).reshape(len(scores), -1)
    keywords = tuple("abc"[: columns.shape[1]])
    words = [
        Spoken(word=word, start_s=(at + 1) * step_s - 0.2, end_s=(at + 1) * step_s)
        for at, word in sorted(spoken_at)
    ]
    return ScoredStream(
        keywords=keywords,
        spoken=tuple(words),
        recordings=tuple(f"{word.word}/{place}.wav" for place, word in enumerate(words)),
        times_s=(np.arange(len(columns)) + 1) * step_s,
        scores=columns,
        seconds=len(columns) * step_s,
    )


def per_hour(heard, allowed):
    """The rate that allows so many false accepts in a stream."""
    return 3600 * allowed / heard.seconds


def every_decision(heard):
    """Thresholds at and above each mean that there is, for every smoothing."""
    for smoothing in SMOOTHINGS:
        sums = np.cumsum(heard.scores, axis=0)
        sums[smoothing:] = sums[smoothing:] - sums[:-smoothing]
        edges = sorted({1, NEVER, *(sums.ravel() // smoothing), *(sums.ravel() // smoothing + 1)})
        edges = [int(edge) for edge in edges if 1 <= edge <= NEVER]
        for thresholds in itertools.product(edges, repeat=len(heard.keywords)):
            yield count(heard, np.array(thresholds), smoothing=smoothing, refractory=0)


@settings(max_examples=60)
@given(
    scores=st.lists(SCORES, min_size=1, max_size=9),
    said=st.sets(st.integers(0, 8)),
    allowed=st.integers(0, 3),
)
def test_one_keyword_gets_the_best_decision_there_is(scores, said, allowed):
    heard = stream(scores, [(at, "a") for at in said if at < len(scores)])
    choice = choose(heard, per_hour=per_hour(heard, allowed), refractory=0)
    best = min(
        len(each.misses) for each in every_decision(heard) if len(each.false_accepts) <= allowed
    )
    assert len(choice.tally.false_accepts) <= allowed
    assert len(choice.tally.misses) == best


@settings(max_examples=60)
@given(
    scores=st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=30),
    said=st.sets(st.tuples(st.integers(0, 29), st.sampled_from("ab"))),
    allowed=st.integers(0, 4),
    refractory=st.integers(0, 5),
)
def test_a_choice_is_what_it_says_it_gives(scores, said, allowed, refractory):
    heard = stream(scores, [one for one in said if one[0] < len(scores)])
    choice = choose(heard, per_hour=per_hour(heard, allowed), refractory=refractory)
    assert choice.smoothing in SMOOTHINGS
    assert ((choice.thresholds >= 1) & (choice.thresholds <= NEVER)).all()
    again = count(heard, choice.thresholds, smoothing=choice.smoothing, refractory=refractory)
    assert again == choice.tally


OPTIONS = st.lists(
    st.builds(
        _Option,
        false_accepts=st.integers(0, 4),
        misses=st.integers(0, 9),
        threshold=st.integers(1, NEVER),
    ),
    max_size=5,
)


@given(st.lists(OPTIONS, min_size=1, max_size=4), st.integers(0, 6))
def test_false_accepts_are_shared_out_with_the_fewest_misses(options, allowed):
    """Against every combination; each keyword has an option without false accepts."""
    never = _Option(false_accepts=0, misses=9, threshold=NEVER)
    options = [[never, *of_keyword] for of_keyword in options]
    thresholds = _share_out(options, allowed).tolist()
    combinations = [
        (
            sum(o.misses for o in each),
            sum(o.false_accepts for o in each),
            [o.threshold for o in each],
        )
        for each in itertools.product(*options)
        if sum(o.false_accepts for o in each) <= allowed
    ]
    least = min(combination[:2] for combination in combinations)
    assert thresholds in [found for *worth, found in combinations if tuple(worth) == least]


def test_worked_threshold_lies_midway_between_noise_and_word():
    """Noise peaks at 10000, the word at 30000: just above noise is 10001, midway 20000."""
    heard = stream([0, 10000, 0, 30000, 0], [(3, "a")])
    choice = choose(heard, per_hour=per_hour(heard, 0), refractory=0)
    assert (choice.smoothing, choice.thresholds.tolist()) == (1, [20000])
    assert (choice.tally.misses, choice.tally.false_accepts) == ((), ())


def test_a_word_one_above_the_noise_is_told_apart():
    heard = stream([10000, 0, 10001], [(2, "a")])
    assert _choose_thresholds(heard, 1, [0], 0).thresholds.tolist() == [10001]


def test_of_several_words_the_softest_sets_the_middle():
    """Between 10001 and 20000, though another word reaches 30000."""
    heard = stream([10000, 0, 30000, 0, 20000], [(2, "a"), (4, "a")])
    assert _choose_thresholds(heard, 1, [0], 0).thresholds.tolist() == [15000]


def test_smoothing_is_chosen_where_it_tells_words_from_noise():
    """Noise is as high as the word, but shorter."""
    heard = stream([0, 30000, 0, 0, 0, 30000, 30000, 0, 0], [(6, "a")], step_s=0.1)
    choice = choose(heard, per_hour=per_hour(heard, 0), refractory=5)
    assert choice.smoothing == 2
    assert choice.tally.misses == ()


def test_a_keyword_that_only_noise_resembles_never_fires():
    heard = stream([SCORE_ONE] * 9, [])
    assert choose(heard, per_hour=per_hour(heard, 0), refractory=0).thresholds.tolist() == [NEVER]


def test_allowed_false_accepts_go_where_they_hear_most():
    """One is allowed, without smoothing. It lets a hear two words, b only one."""
    a = [20000, 15000, 15000, 0, 0, 0, 0]
    b = [0, 0, 0, 20000, 15000, 0, 0]
    heard = stream(list(zip(a, b, strict=True)), [(1, "a"), (2, "a"), (4, "b")])
    choice = _choose_thresholds(heard, 1, [1], 0)
    assert [word.word for word in choice.tally.misses] == ["b"]
    assert len(choice.tally.false_accepts) == 1


def test_a_stream_without_words_or_sound_has_a_choice():
    heard = stream([(0, 0)] * 3, [])
    assert choose(heard, per_hour=per_hour(heard, 0), refractory=3).tally == Tally(
        hits=(), misses=(), false_accepts=()
    )


def test_a_keyword_that_is_never_spoken_gets_the_threshold_of_an_untuned_bundle():
    """Whatever is allowed, and whatever fires below it."""
    heard = stream([(0, 9000), (30000, 0), (0, 9000)], [(1, "a")])
    choice = choose(heard, per_hour=per_hour(heard, 5), refractory=0)
    assert heard.untested() == ("b",)
    assert choice.thresholds[1] == UNTESTED == THRESHOLD


def test_a_keyword_that_is_never_spoken_is_set_above_all_that_fires():
    heard = stream([(0, 30000), (30000, 0)], [(1, "a")])
    assert choose(heard, per_hour=per_hour(heard, 5), refractory=0).thresholds[1] == 30001


def repeated(recordings: int, plays: int, *, others=True, false_accepts=0) -> ScoredStream:
    """An hour in which each of a few recordings comes many times, a second apart."""
    names = [f"{'bird' if others and n % 2 else 'yes'}/{n}.wav" for n in range(recordings)]
    paths = [names[play % recordings] for play in range(plays)]
    spoken = [
        Spoken(word=path.partition("/")[0], start_s=play, end_s=play + 0.5)
        for play, path in enumerate(paths)
    ]
    return ScoredStream(
        keywords=("yes",), spoken=tuple(spoken), recordings=tuple(paths), times_s=np.zeros(0),
        scores=np.zeros((0, 1), int), seconds=3600,
    )  # fmt: skip


def test_two_recordings_eight_hundred_times_promise_no_rate():
    """No false accept: the mean is at most 3.69 in 2 / 1636 of an hour."""
    found = exposure(repeated(2, 1636), ())
    assert not found.is_known
    assert found.interval == pytest.approx((0, 3.689 * 1636 / 2), rel=1e-3)


def test_false_accepts_count_once_for_each_recording_that_fires():
    """One recording of 400 fires each of the four times it comes: one event in 400 / 1600 h."""
    heard = repeated(400, 1600)
    again = tuple(Detected(word="yes", time_s=at + 0.3) for at in (7, 407, 807, 1207))
    found = exposure(heard, again)
    assert found.is_known
    assert found.per_hour == 4
    assert found.interval == pytest.approx((0.0253 * 4, 5.572 * 4), rel=1e-2)


def test_an_hour_without_repetitions_has_the_interval_of_poisson():
    heard = repeated(1600, 1600)
    twice = (Detected(word="yes", time_s=3.2), Detected(word="yes", time_s=9.2))
    assert exposure(heard, twice).interval == pytest.approx((0.2422, 7.2247), abs=1e-3)


def test_keywords_alone_tell_nothing_of_false_accepts():
    assert not exposure(repeated(1600, 1600, others=False), ()).is_known
    assert exposure(repeated(1600, 1600), ()).is_known


@given(st.integers(1, 30), st.integers(0, 300), st.lists(st.floats(0, 900), max_size=40))
def test_what_was_measured_lies_in_its_interval(recordings, more, times):
    found = exposure(
        repeated(recordings, recordings + more),
        tuple(Detected(word="yes", time_s=time) for time in sorted(times)),
    )
    low, high = found.interval or (0, 0)
    assert 0 <= low <= found.per_hour <= high


def test_a_stream_without_words_has_no_interval():
    heard = ScoredStream(
        keywords=("yes",), spoken=(), recordings=(), times_s=np.zeros(0),
        scores=np.zeros((0, 1), int), seconds=60,
    )  # fmt: skip
    assert exposure(heard, ()).interval is None


def report(false_accepts=2, hours=0.5):
    heard = ScoredStream(
        keywords=("yes", "no"),
        spoken=(Spoken(word="yes", start_s=1, end_s=2), Spoken(word="bird", start_s=3, end_s=4)),
        recordings=("yes/ann_nohash_0.wav", "bird/ben_nohash_0.wav"),
        times_s=np.arange(3.0),
        scores=np.zeros((3, 2), int),
        seconds=3600 * hours,
    )
    choice = Choice(
        smoothing=3,
        thresholds=np.array([16384, NEVER]),
        tally=Tally(
            hits=(),
            misses=heard.spoken[:1],
            false_accepts=(Detected(word="no", time_s=1.0),) * false_accepts,
        ),
    )
    return tuning_report(heard, choice, wanted_per_hour=4.0, split="validation", seed=7)


def test_a_report_counts_per_hour_with_its_interval():
    made = report()
    assert made["tuned"] == {
        "split": "validation", "hours": 0.5, "seed": 7, "words_spoken": 2, "keywords_spoken": 1,
        "recordings": {"of_keywords": 1, "keywords": 1, "all_keywords": 2, "of_other_words": 1,
                       "speakers": 2},
        "untested_keywords": ["no"],
        "false_accepts_per_hour": {"wanted": 4.0, "measured": 4.0}, "false_reject_rate": 1.0,
    }  # fmt: skip
    # Both follow one recording: 0.0253 to 5.572 events, in half an hour.
    low_high = pytest.approx([0.0506, 11.143], abs=1e-3)
    assert made["false_accepts_per_hour_interval"] == low_high
    assert made["keywords"][0] == {
        "keyword": "yes", "threshold": 0.5, "recordings": 1, "spoken": 1,
        "false_rejects": 1, "false_accepts": 0,
    }  # fmt: skip
    json.dumps(made, allow_nan=False)


def test_a_report_reads_as_a_table():
    assert tuning_text(report()).splitlines() == [
        "keyword  threshold  recordings  false rejects  false accepts",
        "yes          0.500           1         1 of 1              0",
        "no           never           0         0 of 0              2",
        "0.5 h of validation stream, 2 words from 1 recording of 1 of 2 keywords and 1 of other "
        "words, 2 speakers; smoothing 3: 4.0 false accepts/h (0.1 to 11.1; wanted 4), 100.0 % of "
        "1 keywords rejected (20.7 to 100.0)",
        "No recording tests no: the threshold is the default, or above what fired wrongly. Record "
        "these words, and tune again.",
        "Not in this stream: other speakers, running speech. On a device they give more false "
        "accepts; docs/data.md says where to get recordings.",
    ]


def test_a_rate_that_is_not_known_is_neither_promised_nor_written():
    heard = repeated(2, 1636, others=False)
    choice = Choice(
        smoothing=1,
        thresholds=np.array([16384]),
        tally=Tally(hits=(), misses=heard.spoken[:818], false_accepts=()),
    )
    made = tuning_report(heard, choice, wanted_per_hour=1.0, split="validation", seed=0)
    assert made["tuned"]["false_accepts_per_hour"] == {"wanted": 1.0, "measured": None}
    # Half of two recordings, not of 1,636: Wilson 1927.
    assert made["false_reject_interval"] == pytest.approx((0.0945, 0.9055), abs=1e-3)
    said = tuning_text(made)
    assert "1636 words from 2 recordings of 1 of 1 keywords and 0 of other words" in said
    assert "false accepts/h not known (0.0 to 3,017.5; wanted 1), 0 in this stream" in said
    assert "Not in this stream: other words, running speech." in said
    json.dumps(made, allow_nan=False)


def test_a_rate_allows_whole_false_accepts():
    # Two false accepts in 3600 s; one and a half allow one.
    heard = stream([20000, 0, 30000], [], step_s=1200.0)
    assert len(choose(heard, per_hour=1.5, refractory=0).tally.false_accepts) <= 1


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    from stub_bundle import compiler

    compiler()
    return listening_bundle.write(tmp_path_factory.mktemp("tune") / "bundle")


def test_scores_of_a_stream_are_those_of_its_samples(bundle, corpus_root):
    from pld_tf.streams.synthesis import stream as samples_of

    library = tune_bundle.open_listener(bundle)
    said = []
    parts, _ = stream_clips(
        bundle, data=corpus_root, split="validation", skip_bad=False, say=said.append
    )
    done = []
    pieces = list(samples_of(parts, seconds=20, seed=3))
    heard = score_pieces(
        library, pieces, seconds=20, advance=lambda now, all_: done.append((now, all_))
    )
    times, scores = library.open_stream().scores(np.concatenate([p.samples for p in pieces]))
    np.testing.assert_array_equal(heard.scores, scores[:, :2])
    np.testing.assert_array_equal(heard.times_s, times / 1000)
    assert list(heard.spoken) == [p.spoken for p in pieces if p.spoken]
    assert [path.partition("/")[0] for path in heard.recordings] == [w.word for w in heard.spoken]
    assert (heard.keywords, heard.seconds) == (("yes", "no"), 20)
    assert done[-1] == (20, 20)
    assert any("is not the data that" in line for line in said)


def test_the_command_tunes_a_bundle_and_the_bundle_hears_by_it(pld, corpus_root, tmp_path):
    from firmware_harness.listen.listen import open_listener

    folder = listening_bundle.write(tmp_path / "bundle")
    before = read_decision(folder)
    code, out, err = pld(
        "tune", folder, "--data", corpus_root, "--hours", 0.02, "--seed", 1, "--json"
    )
    assert code == 0, err
    decision, made = read_decision(folder), json.loads(out)
    assert decision["smoothing"] == made["smoothing"]
    assert decision["tuned"]["hours"] == pytest.approx(0.02)
    assert decision["tuned"]["split"] == "validation"
    assert set(decision["thresholds"]) == {"yes", "no"}
    for kept in ("refractory_ms", "hops_per_inference"):
        assert decision[kept] == before[kept]
    assert open_listener(folder).labels == ("yes", "no", "unknown", "silence")


def test_the_same_seed_tunes_to_the_same_bytes(pld, corpus_root, tmp_path):
    contents = []
    for name in "ab":
        folder = listening_bundle.write(tmp_path / name)
        assert pld("tune", folder, "-d", corpus_root, "--hours", 0.01)[0] == 0
        contents.append({p.name: p.read_bytes() for p in folder.iterdir()})
    assert contents[0] == contents[1]


def test_a_bundle_that_knows_no_recipe_is_refused(pld, corpus_root, tmp_path):
    folder = listening_bundle.write(tmp_path / "bundle", recipe=None)
    code, _, err = pld("tune", folder, "--data", corpus_root)
    assert code == 2
    assert "does not say which words it was trained on" in err


def sound(folder, scores, *, step_s=1.0):
    """A recording without keywords, an inference a second."""
    columns = np.array(scores, np.int64).reshape(len(scores), -1)
    return ScoredSound(
        folder=folder,
        times_s=(np.arange(len(columns)) + 1) * step_s,
        scores=columns,
        seconds=len(columns) * step_s,
    )


WORDS = stream([0, 20000, 0, 0, 25000, 0, 29000, 0], [(4, "a"), (6, "a")])


def test_false_accepts_count_in_sound_without_keywords_alone():
    quiet = with_sounds(WORDS, [sound("talk", [0, 15000, 0])])
    choice = choose(quiet, per_hour=0, refractory=0)
    assert choice.thresholds[0] > 15000
    assert not choice.tally.misses
    # The peak of 20000 among the words is no false accept that counts.
    assert quiet.accepted(choice.tally.false_accepts) == [0]


def test_each_folder_keeps_to_the_rate():
    # Two in four seconds of talk are one in two: too many, though the rate in all is kept.
    sounds = [sound("music", [0] * 8), sound("talk", [28000, 0, 26000, 0])]
    words = stream([0, 0, 0, 0, 25000, 0, 27000, 0], [(4, "a"), (6, "a")])
    heard = with_sounds(words, sounds)
    choice = choose(heard, per_hour=900, refractory=0)
    assert heard.accepted(choice.tally.false_accepts) == [0, 1]
    assert len(choice.tally.misses) == 1
    assert [section.name for section in heard.sections] == ["words", "music", "talk"]


def test_what_to_expect_is_counted_in_recordings_that_did_not_choose():
    # Each recording has a peak that is higher than all before it.
    sounds = [sound("talk", [0, peak, 0]) for peak in (26000, 27000, 28000, 28500)]
    unseen = unseen_accepts(WORDS, sounds, per_hour=0, refractory=0)
    # The half with 28500 lets 28000 pass; the other lets 28500 through.
    assert unseen == {"talk": 1}


def test_a_false_accept_is_counted_in_the_folder_in_which_it_was_heard():
    heard = with_sounds(WORDS, [sound("a", [0, 0]), sound("a", [0, 0]), sound("b", [0])])
    times_s = (7.9, 8.0, 8.5, 12.0, 12.1, 13.0)
    accepts = [Detected(word="a", time_s=time_s) for time_s in times_s]
    assert heard.accepted(accepts) == [2, 2]
    assert WORDS.accepted(accepts) == [6]


@pytest.mark.slow
def test_the_command_tunes_on_running_speech_where_the_corpus_has_some(pld, tmp_path):
    from tiny_negatives import write_corpus

    folder = listening_bundle.write(tmp_path / "bundle")
    code, out, err = pld("tune", folder, "--data", write_corpus(tmp_path / "corpus"), "--json")
    assert code == 0, err
    made = json.loads(out)
    assert [section["folder"] for section in made["sections"]] == ["talk", "town"]
    assert made["missing"] == []
    code, out, err = pld("tune", folder, "--data", tmp_path / "corpus")
    assert code == 0, err
    assert "sound without keywords" in out
