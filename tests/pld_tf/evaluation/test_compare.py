"""Two ways of training compared: pairs of runs, clip by clip."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pld_tf.data.store.trained_on import TRAINED_ON, read_trained_on, write_trained_on
from pld_tf.errors import PldError
from pld_tf.evaluation.compare import (
    _protocol,
    _require_alike,
    _require_pairs,
    compare_runs,
    comparison_text,
)
from pld_tf.evaluation.evaluate import evaluate, open_rung
from pld_tf.recipe.tables import PROTOCOLS

pytestmark = pytest.mark.usefixtures("tiny_cache")


def compare(runs, against, tiny):
    return compare_runs(
        runs, against, data=tiny / "tones", split="test", skip_bad=False, say=lambda line: None
    )


def open_tiny(tiny):
    return open_rung(
        tiny / "run", data=tiny / "tones", rung=None, split="test", skip_bad=False, say=print
    )


def test_a_gain_is_the_mean_of_what_each_pair_gains():
    ours = np.array([[1, 1, 0, 1], [1, 0, 0.5, 1]])
    theirs = np.array([[1, 0, 0, 1], [1, 0, 0.5, 0.5]])
    found = _protocol(ours, theirs)
    assert found["runs"]["mean"] == 5.5 / 8
    assert found["against"]["mean"] == 4 / 8
    assert found["gain_by_pair"] == [0.25, 0.125]
    gain = found["gain"]
    assert gain["mean"] == 0.1875
    assert -1 <= gain["low"] < 0.1875 < gain["high"] <= 1


def test_pairs_that_err_on_the_same_clips_have_a_certain_gain():
    """Each accuracy alone is uncertain; their difference is the same whichever clips are drawn."""
    theirs = np.tile([0.0, 0.5], (2, 50))
    gain = _protocol(theirs + 0.5, theirs)["gain"]
    assert gain["low"] == pytest.approx(0.5)
    assert gain["high"] == pytest.approx(0.5)
    assert _protocol(theirs + 0.5, theirs)["runs"]["low"] < 0.74


@pytest.mark.slow
def test_a_run_gains_nothing_over_itself_and_is_as_good_as_evaluate_says(tiny):
    report = compare([tiny / "run"], [tiny / "run"], tiny)
    alone = evaluate(tiny / "run", data=tiny / "tones", say=lambda line: None)
    assert list(report["protocols"]) == list(PROTOCOLS)
    for protocol, found in report["protocols"].items():
        assert found["gain"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
        accuracy = alone["protocols"][protocol]["accuracy"]
        assert found["runs"]["mean"] == pytest.approx(accuracy)
    assert (report["clips"], report["length_ms"]) == (alone["clips"], alone["length_ms"])


def test_each_run_needs_another(tiny):
    with pytest.raises(PldError, match="got 2 runs and 1 --against"):
        compare([tiny / "run"] * 2, [tiny / "run"], tiny)


@pytest.mark.slow
def test_a_seed_counts_once_and_meets_itself(tiny):
    with pytest.raises(PldError, match=r"got seeds \[0, 0\] and --against \[0, 0\]"):
        compare([tiny / "run"] * 2, [tiny / "run"] * 2, tiny)
    opened = open_tiny(tiny)
    other = replace(opened, run=replace(opened.run, seed=1))
    _require_pairs([opened, other], [opened, other])
    with pytest.raises(PldError, match="same order"):
        _require_pairs([opened, other], [other, opened])


def test_runs_of_other_lengths_classes_or_clips_are_not_paired(tiny):
    first = open_tiny(tiny)
    _require_alike(first, first)
    shorter = replace(first, result=replace(first.result, length_ms=1))
    with pytest.raises(PldError, match=r"an input length of 1, .* can't be paired"):
        _require_alike(first, shorter)
    with pytest.raises(PldError, match=r"has classes \['a'\]"):
        classes = replace(first.classes, names=("a",))
        _require_alike(first, replace(first, tested=replace(first.tested, classes=classes)))
    fewer = replace(first.clips, labels=first.clips.labels[:-1])
    with pytest.raises(PldError, match="is tested on other clips"):
        _require_alike(first, replace(first, clips=fewer))


def test_a_comparison_reads_as_a_table():
    values = {
        "runs": {"mean": 0.9372}, "against": {"mean": 0.9331},
        "gain": {"mean": 0.0041, "low": -0.0042, "high": 0.0117},
        "gain_by_pair": [0.0041, 0.0066],
    }  # fmt: skip
    report = {
        "runs": ["a0", "a1"], "against": ["b0", "b1"], "split": "test", "clips": 1973,
        "length_ms": 500, "other_data": [], "protocols": {"loudest": values},
    }  # fmt: skip
    assert comparison_text(report).splitlines() == [
        "a0, a1 against b0, b1: 2 pairs, 500 ms, 1973 test clips",
        "",
        "protocol     runs  against   gain  95 % interval   by pair",
        "loudest   93.72 %  93.31 %  +0.41  -0.42 to +1.17  +0.41 +0.66",
    ]


@pytest.mark.slow
def test_a_clip_that_one_run_knows_counts_for_neither(tiny, tmp_path):
    """A run that does not know it, because it has no hashes, is tested without it too."""
    copy = shutil.copytree(tiny / "run", tmp_path / "run")
    for word in ("one", "two"):
        (tmp_path / "own" / word).mkdir(parents=True)
        for name in ("train00", "test00", "test01"):
            path = tiny / "tones" / word / f"{name}_nohash_0.wav"
            shutil.copy(path, tmp_path / "own" / word / f"{name}.wav")
    hashes = read_trained_on(copy)
    assert hashes is not None
    nothing = replace(hashes, clips=hashes.clips[:0])
    write_trained_on(copy / TRAINED_ON, nothing)
    report = compare_runs(
        [tiny / "run"],
        [copy],
        data=tmp_path / "own",
        split="test",
        skip_bad=False,
        say=lambda line: None,
    )
    assert [other["known_clips"] for other in report["other_data"]] == [2, 0]
    assert report["clips"] == 4 + 2  # two clips of each word, and silence
    assert f"6 test clips of other data ({tmp_path / 'own'})" in comparison_text(report)


@pytest.mark.slow
def test_the_command_prints_the_table_and_refuses_in_one_line(pld, tiny):
    run: Path = tiny / "run"
    code, out, err = pld("compare", run, "--against", run, "--data", tiny / "tones")
    assert code == 0, err
    assert out.count("+0.00") >= 4
    code, out, err = pld("compare", run, run, "--against", run, "--data", tiny / "tones")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
