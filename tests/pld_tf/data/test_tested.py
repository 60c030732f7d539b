"""Which clips of other data count as test, without any training."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_run
from tiny_corpus import KEYWORDS, clip_audio, write_wav

from pld_tf.data.store.trained_on import (
    clip_hashes,
    read_trained_on,
    trained_on,
    write_trained_on,
)
from pld_tf.data.tested import Origin, ScoredClips, open_tested
from pld_tf.errors import PldError
from pld_tf.recipe.schema import Recipe


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return tiny_run.make_recipe(keywords=KEYWORDS)


@pytest.fixture
def origin(store, recipe) -> Origin:
    """A run trained on the tiny corpus."""
    return Origin(
        name=Path("RUN"),
        recipe=recipe,
        data_key=store.key,
        excluded=frozenset(),
        trained_on=trained_on(store),
    )


def opened(data, origin, split="test") -> tuple[ScoredClips, list[str]]:
    said: list[str] = []
    return open_tested(data, origin, split=split, skip_bad=False, say=said.append), said


def own(root: Path, *names: str) -> Path:
    """Recordings that no model knows."""
    for name in names:
        write_wav(root / name, clip_audio(f"own {name}"))
    return root


def scored(tested: ScoredClips) -> list[str]:
    return sorted(path.decode() for path in tested.held_out().paths())


def test_a_corpus_without_lists_is_used_whole(origin, tmp_path):
    names = ("yes/a_nohash_0.wav", "yes/b_nohash_0.wav", "no/c.wav")
    tested, said = opened(own(tmp_path, *names), origin)
    assert scored(tested) == sorted(names)
    assert tested.other is not None
    assert any("is not the data that RUN was trained on" in line for line in said)
    assert tested.other.nameless_clips == 1
    assert any("1 have no speaker in their names" in line for line in said)
    assert not any("split by itself" in line for line in said)


@pytest.mark.parametrize(
    ("listed", "split", "used"),
    [
        ("testing_list.txt", "test", "yes/a.wav"),
        ("testing_list.txt", "validation", "yes/b.wav"),
        ("validation_list.txt", "test", "yes/b.wav"),
    ],
)
def test_one_list_divides_other_data_in_two(origin, tmp_path, listed, split, used):
    own(tmp_path, "yes/a.wav", "yes/b.wav")
    (tmp_path / listed).write_text("yes/a.wav\n")
    assert scored(opened(tmp_path, origin, split)[0]) == [used]


def test_a_list_of_no_clip_that_is_here_is_refused(origin, tmp_path):
    own(tmp_path, "yes/a.wav")
    (tmp_path / "testing_list.txt").write_text("yes/z.wav\n")
    with pytest.raises(PldError, match=r"no clip of .* is for test. Name some in testing_list"):
        opened(tmp_path, origin)


def test_clips_known_from_training_do_not_count_under_any_name_word_or_format(
    origin, corpus_root, tmp_path
):
    import soundfile

    own(tmp_path, "yes/new.wav")
    known = corpus_root / "yes" / "train00_nohash_0.wav"
    shutil.copy(known, tmp_path / "yes" / "renamed.wav")
    samples, rate = soundfile.read(known, dtype="int16")
    (tmp_path / "no").mkdir()
    soundfile.write(tmp_path / "no" / "as flac.flac", samples, rate)
    chosen = corpus_root / "no" / "validation00_nohash_0.wav"  # chose the weights
    shutil.copy(chosen, tmp_path / "no" / "chosen.wav")
    shutil.copy(corpus_root / "no" / "test00_nohash_0.wav", tmp_path / "no" / "unheard.wav")
    tested, said = opened(tmp_path, origin)
    assert scored(tested) == ["no/unheard.wav", "yes/new.wav"]
    assert tested.other is not None
    assert (tested.other.clips, tested.other.known_clips) == (5, 3)
    assert "Of its 5 test clips, 3 are known from training" in " ".join(said)


def test_silence_at_the_ends_does_not_hide_a_known_clip(recipe, tmp_path):
    from pld_tf.data.corpus.corpus import find_corpus
    from pld_tf.data.store.pack import open_store

    sound = clip_audio("half a second", 2000)
    write_wav(tmp_path / "yes" / "short.wav", sound)
    write_wav(tmp_path / "yes" / "padded.wav", np.pad(sound, (300, 1000)))
    (tmp_path / "testing_list.txt").write_text("yes/short.wav\nyes/padded.wav")
    store = open_store(find_corpus(tmp_path), sample_rate_hz=4000, needed=("test",))
    assert len(set(clip_hashes(store, "test").tolist())) == 1


def test_new_clips_of_speakers_known_from_training_do_not_count(origin, tmp_path):
    own(tmp_path, "yes/train00_nohash_7.wav", "no/train00_nohash_8.wav", "yes/new_nohash_0.wav")
    tested, said = opened(tmp_path, origin)
    assert scored(tested) == ["yes/new_nohash_0.wav"]
    other = tested.other
    assert other is not None
    assert (other.known_clips, other.known_speakers, other.clips_of_known_speakers) == (0, 1, 2)
    assert "2 more are of 1 speakers known from training: they are left out, 1 stay" in " ".join(
        said
    )


def test_test_speakers_of_the_training_corpus_are_not_known(origin, tmp_path):
    tested, _ = opened(own(tmp_path, "yes/test00_nohash_9.wav"), origin)
    assert scored(tested) == ["yes/test00_nohash_9.wav"]


def test_missing_keywords_and_foreign_words_are_counted_and_named(origin, tmp_path):
    tested, said = opened(own(tmp_path, "yes/a.wav", "left/b.wav", "zebra/c.wav"), origin)
    other = tested.other
    assert other is not None
    assert (other.missing_keywords, other.unknown_words) == (["no"], ["left", "zebra"])
    assert "No clip of 1 of 2 keywords: no. The figures are about the other keywords." in said
    assert "2 of its words are no keywords and count as unknown: left, zebra." in said
    labels = tested.held_out().labels.tolist()
    # One yes; as many unknown and silence as the mean keyword has clips.
    assert labels == [2, 0, 3] or labels == [0, 2, 3]


def test_a_model_without_unknown_words_leaves_foreign_words_out_and_says_so(origin, tmp_path):
    recipe = tiny_run.make_recipe(keywords=KEYWORDS, unknown=0.0)
    from dataclasses import replace

    own(tmp_path, "yes/a.wav", "left/b.wav")
    tested, said = opened(tmp_path, replace(origin, recipe=recipe))
    assert scored(tested) == ["yes/a.wav"]
    assert any("1 of its words are left out" in line and "left" in line for line in said)


def test_data_with_nothing_new_to_test_is_refused_with_the_counts(origin, corpus_root, tmp_path):
    shutil.copytree(corpus_root / "yes", tmp_path / "yes")
    for path in (tmp_path / "yes").glob("test*"):
        path.unlink()
    own(tmp_path, "tree/a.wav")
    with pytest.raises(PldError, match=r"of its 24 test clips 23 are known from training"):
        opened(tmp_path, origin)


def test_a_copy_of_the_training_data_is_not_other(origin, corpus_root, tmp_path):
    copy = shutil.copytree(corpus_root, tmp_path / "copy")
    tested, said = opened(copy, origin)
    assert tested.other is None
    assert not tested.left_out.any()
    assert not any("is not the data" in line for line in said)


def test_training_data_that_changed_keeps_its_test_clips(origin, corpus_root, tmp_path):
    changed = shutil.copytree(corpus_root, tmp_path / "changed")
    path = changed / "yes" / "train00_nohash_0.wav"
    write_wav(path, clip_audio("mended"))
    tested, _ = opened(changed, origin)
    assert tested.other is not None
    assert tested.other.known_clips == 0
    assert {path.split("/")[1][:4] for path in scored(tested)} == {"test"}


def test_without_hashes_it_is_said_that_known_clips_can_not_be_found(origin, corpus_root, tmp_path):
    from dataclasses import replace

    changed = shutil.copytree(corpus_root, tmp_path / "changed")
    write_wav(changed / "yes" / "train00_nohash_0.wav", clip_audio("mended"))
    tested, said = opened(changed, replace(origin, trained_on=None))
    assert tested.other is not None
    assert tested.other.known_clips is None
    assert any("test clips may be known from training" in line for line in said)


def test_clips_of_one_split_need_no_other_split_in_a_store(origin, tmp_path):
    own(tmp_path, *(f"yes/speaker{number}_nohash_0.wav" for number in range(3)))
    store = opened(tmp_path, origin)[0].store
    assert {split: len(index) for split, index in store.splits.items()} == {
        "train": 0,
        "validation": 0,
        "test": 3,
    }


def test_hashes_are_read_as_written_and_hold_no_name(origin, tmp_path):
    write_trained_on(tmp_path / "trained_on.json", origin.trained_on)
    back = read_trained_on(tmp_path)
    assert back is not None
    np.testing.assert_array_equal(back.clips, origin.trained_on.clips)
    np.testing.assert_array_equal(back.speakers, origin.trained_on.speakers)
    assert back.listing == origin.trained_on.listing
    # 68 training and 12 validation clips, each of 8 bytes
    assert len(back.clips) == 80
    assert "train0" not in (tmp_path / "trained_on.json").read_text()


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"format": 2}', '{"format": 1, "listing": "", "clips": "?", "speakers": ""}', "["],
)
def test_damaged_hashes_are_refused_by_name(tmp_path, text):
    (tmp_path / "trained_on.json").write_text(text)
    with pytest.raises(PldError, match=r"trained_on.json is damaged"):
        read_trained_on(tmp_path)
