"""What doctor says of words, speakers and splits, before it reads a clip."""

from pathlib import Path

import pytest
from listed_corpus import make

from pld_tf.data.corpus.corpus import list_corpus
from pld_tf.doctor.overview import Counts, overview, overview_json, overview_text
from pld_tf.recipe.load import load_recipe
from pld_tf.recipe.schema import Recipe


def recipe(*overrides: str) -> Recipe:
    return load_recipe("own_words", ["training.batch_size=16", *overrides])


def corpus(root: Path, words: str = "yes no tree", speakers: int = 6, clips: int = 10) -> Path:
    paths = [
        f"{word}/s{speaker}_nohash_{n}.wav"
        for word in words.split()
        for speaker in range(speakers)
        for n in range(clips)
    ]
    return make(root, *paths)


def test_counts_are_of_clips_speakers_and_splits_by_word(tmp_path):
    make(tmp_path, "a/x_nohash_0.wav", "a/x_nohash_1.wav", "a/y_nohash_0.wav", "b/7.wav",
         testing_list=["a/y_nohash_0.wav"], validation_list=[])  # fmt: skip
    seen = overview(list_corpus(tmp_path))
    assert seen.words == {
        "a": Counts(clips=3, speakers=2, splits={"train": 2, "test": 1, "validation": 0}),
        "b": Counts(clips=1, speakers=None, splits={"train": 1, "test": 0, "validation": 0}),
    }
    assert seen.total.clips == 4
    assert seen.is_listed
    assert overview_text(seen).splitlines() == [
        "word  clips   speakers  train  test  validation",
        "a         3          2      2     1           0",
        "b         1  not named      1     0           0",
        "all       4  not named      3     1           0",
        "split by the lists.",
    ]


def test_a_corpus_that_serves_a_recipe_is_said_to(tmp_path):
    seen = overview(list_corpus(corpus(tmp_path)), recipe(), "mine")
    assert (seen.refused, seen.warnings) == (None, ())
    assert list(seen.words) == ["no", "yes", "tree"]
    assert "distill mine has nothing to say against these words." in overview_text(seen)


def test_what_training_would_refuse_and_warn_of_is_told(tmp_path):
    seen = overview(list_corpus(corpus(tmp_path)), recipe('words.keywords=["up", "yes"]'), "mine")
    assert seen.refused is not None
    assert "keyword 'up' of the recipe has no folder" in overview_text(seen)
    few = overview(list_corpus(corpus(tmp_path / "few", "yes no", clips=3)), recipe(), "mine")
    assert [warning.partition(":")[0] for warning in few.warnings] == [
        "the test split has fewer than 10 clips of keyword 'yes', 'no'",
        "the validation split has fewer than 10 clips of keyword 'yes', 'no'",
        "the train split has no clip of a word that is no keyword",
    ]


def test_lists_that_share_a_speaker_are_told_as_refused(tmp_path):
    make(tmp_path, "a/x_nohash_0.wav", "a/x_nohash_1.wav", testing_list=["a/x_nohash_0.wav"])
    refused = overview(list_corpus(tmp_path)).refused
    assert refused is not None
    assert "put speaker x in two" in refused


def test_too_few_clips_for_a_batch_are_told_with_what_can_be_done(tmp_path):
    found = list_corpus(corpus(tmp_path, "yes no", clips=1))
    assert "8 clips" in str(overview(found, recipe("words.silence=0.0")).refused)
    larger = overview(found, recipe("words.silence=3.0", "training.batch_size=32")).refused
    assert "or set training.batch_size=16." in str(larger)


def test_json_has_every_word_and_the_text_has_fifty(tmp_path):
    seen = overview(list_corpus(make(tmp_path, *(f"w{n}/a.wav" for n in range(60)))))
    assert len(overview_json(seen)["words"]) == 60
    assert "10 more; --json has all" in overview_text(seen)


@pytest.mark.parametrize("keyword", ["yess", "no"])
def test_distill_refuses_data_before_anything_is_loaded(keyword, pld, tmp_path, monkeypatch):
    """A keyword without a folder, and a batch without clips."""

    def load() -> None:
        raise AssertionError("TensorFlow was loaded")

    monkeypatch.setattr("pld_tf.commands.train.load_tensorflow", load)
    data = corpus(tmp_path / "data", "yes no", clips=1)
    keys = ("-s", f'words.keywords=["yes", "{keyword}"]', "-s", "words.silence=0.0")
    code, _, err = pld("distill", "own_words", "-d", data, "-o", tmp_path / "run", *keys)
    assert code == 2
    assert ("has no folder" in err) or ("fewer clips than one batch" in err)


def test_the_command_prints_the_overview_first(pld, tmp_path):
    import json

    from tiny_corpus import write_corpus

    root = write_corpus(tmp_path / "data")
    code, out, _ = pld("doctor", root, "--recipe", "smoke")
    assert code == 0
    assert out.splitlines()[1].split() == [
        "word",
        "clips",
        "speakers",
        "train",
        "test",
        "validation",
    ]
    made = json.loads(pld("doctor", root, "--recipe", "smoke", "--json")[1])
    assert made["overview"]["recipe"] == "smoke"
    assert made["overview"]["words"]["yes"]["splits"] == {"train": 20, "test": 2, "validation": 3}
