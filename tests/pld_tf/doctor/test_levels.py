"""Words much quieter or louder than the others, or than a run's training."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tiny_run

from pld_tf.bridge.run_judge import run_judge
from pld_tf.data.corpus.corpus import Clip
from pld_tf.doctor.doctor import doctor
from pld_tf.doctor.levels import level_findings, level_notes, median_levels


def levels(**by_split: list[float]) -> dict[Clip, float]:
    return {
        Clip(path=f"a/{split}{place}.wav", word="a", speaker=None, split=split): level
        for split, of_split in by_split.items()
        for place, level in enumerate(of_split)
    }


def test_clips_20_db_from_the_median_are_found_and_nearer_ones_are_not():
    found = list(level_findings(levels(train=[-20.0, -20.0, -20.0, -39.9, -40.0, 0.0, -0.1])))
    assert [(f.path, f.reason) for f in found] == [
        ("a/train4.wav", "quiet"),
        ("a/train5.wav", "loud"),
    ]
    assert found[0].detail == "-40 dB of full scale; the median is -20"
    assert list(level_findings({})) == []


def test_medians_are_of_the_corpus_its_splits_and_a_run():
    medians = median_levels(levels(train=[-20.0, -22.0], test=[-30.0]), -25.04)
    assert medians == {
        "all": -22.0,
        "train": -21.0,
        "test": -30.0,
        "validation": None,
        "run": -25.04,
    }
    assert "run" not in median_levels({}, None)


def test_a_split_and_a_corpus_6_db_apart_are_told_with_what_that_costs():
    medians = median_levels(levels(train=[-20.0] * 3, test=[-26.0], validation=[-25.9]), -8.0)
    level, split, run = level_notes(medians)
    assert level.startswith("The words are at -20 dB of full scale")
    assert split.startswith("The test clips are 6 dB quieter than those for train. 12 dB quieter")
    assert run.startswith("The words are 12 dB quieter than those that the run was trained on.")
    assert "98 % into 92 %" in run
    assert list(level_notes(median_levels({}, -8.0))) == []


@pytest.fixture(scope="module")
def quieter(tiny, tmp_path_factory) -> Path:
    """The tiny corpus a quarter as loud: 12.0 dB quieter."""
    from tiny_corpus import read_wav

    root = tmp_path_factory.mktemp("quieter") / "tones"
    shutil.copytree(tiny / "tones", root)
    for path in root.glob("*/*.wav"):
        tiny_run.write_wav(path, np.rint(read_wav(path) / 4))
    return root


def test_a_corpus_12_db_quieter_than_a_runs_training_is_told(tiny, quieter):
    judge = partial(run_judge, tiny / "run", confidence=0.9)
    as_trained = doctor(tiny / "tones", make_judge=judge, short_ms=500)
    assert as_trained.levels["run"] == as_trained.levels["train"]
    assert not any("than those that the run" in note for note in as_trained.notes)
    told = [n for n in doctor(quieter, make_judge=judge, short_ms=500).notes if "the run was" in n]
    assert len(told) == 1
    assert "12 dB quieter" in told[0]
