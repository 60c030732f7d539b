"""Splits without lists: the hash where speakers are many, some of each word where they are few."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from listed_corpus import make

from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.corpus.split import (
    _MANY_SPEAKERS,
    divided_speakers,
    moved_clips,
    speaker_of,
    speaker_split,
    split_clips,
    unit_of,
)

SPLITS = {"train", "validation", "test"}


def paths(*, words: str, speakers: list[str], clips: int) -> list[str]:
    return [
        f"{word}/{speaker}_nohash_{n}.wav"
        for word in words
        for speaker in speakers
        for n in range(clips)
    ]


def by_word(split_of: dict[str, str]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for path, split in split_of.items():
        counts[path.partition("/")[0]][split] += 1
    return counts


def of_speakers(split_of: dict[str, str]) -> dict[str, set[str]]:
    splits: dict[str, set[str]] = defaultdict(set)
    for path, split in split_of.items():
        splits[unit_of(path)].add(split)
    return splits


CLIPS = st.tuples(
    st.sampled_from("abcd"),
    st.sampled_from(["ann_nohash_", "ben_nohash_", "cleo_nohash_", "dan_nohash_", "eve_nohash_",
                     "fay_nohash_", ""]),
    st.integers(0, 9),
).map(lambda clip: "{}/{}{}.wav".format(*clip))  # fmt: skip


@given(st.sets(CLIPS, min_size=1, max_size=80))
def test_a_word_of_three_clips_is_in_every_split_and_no_divided_speaker_is_unsaid(clips):
    split_of = split_clips(clips)
    assert set(split_of) == clips
    for counts in by_word(split_of).values():
        assert counts.total() < 3 or set(counts) == SPLITS
    said = divided_speakers(split_of)
    assert {name for name, splits in of_speakers(split_of).items() if len(splits) > 1} == set(said)


@given(
    st.lists(st.text("abcdef", min_size=1, max_size=6), min_size=3, max_size=9, unique=True),
    st.integers(1, 4),
)
def test_three_speakers_who_say_every_word_are_never_divided(speakers, clips):
    split_of = split_clips(paths(words="xyz", speakers=speakers, clips=clips))
    assert divided_speakers(split_of) == {}
    assert all(set(counts) == SPLITS for counts in by_word(split_of).values())
    assert all(4 * counts["train"] >= counts.total() for counts in by_word(split_of).values())


@given(st.lists(CLIPS, min_size=1, max_size=60, unique=True), st.randoms())
def test_the_order_of_the_clips_does_not_matter(clips, random):
    shuffled = list(clips)
    random.shuffle(shuffled)
    assert split_clips(shuffled) == split_clips(clips)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from("xyz"))
def test_in_a_large_corpus_the_hash_alone_decides_and_a_new_clip_moves_no_other(seed, who, word):
    """Even if it is the first clip of a rare word, whatever splits that word lacks."""
    names = [f"{seed + n:08x}" for n in range(_MANY_SPEAKERS * 2)]
    clips = [*paths(words="xyz", speakers=names, clips=1), f"rare/{names[0]}_nohash_0.wav",
             f"rare/{names[0]}_nohash_1.wav", f"rare/{names[1]}_nohash_0.wav"]  # fmt: skip
    before = split_clips(clips)
    assert moved_clips(before) == {}
    added = f"{word}/{names[who % len(names)]}_nohash_9.wav"
    after = split_clips([*clips, added])
    assert after == {**before, added: speaker_split(unit_of(added))}


def test_the_names_of_speech_commands_are_split_as_by_the_official_lists(shared):
    """The lists are not read here. Its rarest words have too few clips for each split."""
    clips = find_corpus(shared / "data" / "speech_commands_8kw").clips
    assert split_clips(clip.path for clip in clips) == {clip.path: clip.split for clip in clips}


def test_keywords_have_clips_in_every_split_of_a_large_corpus():
    names = [f"{n:08x}" for n in range(4 * _MANY_SPEAKERS)]
    own = [name for name in "abcdefghij" if speaker_split(name) == "train"][:4]
    clips = [*paths(words="xyz", speakers=names, clips=1), *paths(words="k", speakers=own, clips=5)]
    assert by_word(split_clips(clips))["k"] == {"train": 20}
    split_of = split_clips(clips, ["k"])
    assert by_word(split_of)["k"] == {"train": 10, "test": 5, "validation": 5}
    moved = moved_clips(split_of)
    assert {speaker_of(path) for path in moved} <= set(own)
    assert len(moved) == 10


def test_of_six_speakers_whom_the_hash_trains_on_two_are_held_out():
    """By the hash alone, none is held out."""
    names = [name for name in map(str, range(99)) if speaker_split(name) == "train"][:6]
    split_of = split_clips(paths(words="abc", speakers=names, clips=15))
    expected = {"train": 60, "test": 15, "validation": 15}
    assert all(counts == expected for counts in by_word(split_of).values())
    assert divided_speakers(split_of) == {}


@pytest.mark.parametrize("name", ["anna", "0c540988", "7a49163e"])
def test_one_speaker_is_divided_by_word_and_said_wherever_the_hash_puts_it(name):
    split_of = split_clips(paths(words="abc", speakers=[name], clips=15))
    expected = {"train": 11, "test": 2, "validation": 2}
    assert by_word(split_of) == dict.fromkeys("abc", expected)
    assert divided_speakers(split_of) == {name: {"a", "b", "c"}}


@pytest.mark.parametrize("names", [["anna", "ben"], ["7a49163e", "0c540988"]])
def test_of_two_speakers_one_is_for_the_test_alone(names):
    split_of = split_clips(paths(words="ab", speakers=names, clips=10))
    expected = {"train": 8, "test": 10, "validation": 2}
    assert by_word(split_of) == dict.fromkeys("ab", expected)
    assert sorted(map(len, of_speakers(split_of).values())) == [1, 2]


def test_forty_five_clips_without_speakers_are_in_every_split():
    split_of = split_clips([f"{word}/{n}.wav" for word in "abc" for n in range(15)])
    assert all(set(counts) == SPLITS for counts in by_word(split_of).values())
    assert divided_speakers(split_of) == {}


@pytest.mark.parametrize("me", ["me", "zoe", "0c540988", "7a49163e"])
def test_who_said_most_is_trained_on(me):
    clips = paths(words="ab", speakers=[me], clips=200)
    clips += paths(words="ab", speakers=["f1", "f2", "f3"], clips=10)
    assert of_speakers(split_clips(clips))[me] == {"train"}


def test_words_of_two_clips_stay_where_the_hash_puts_them():
    clips = ["a/7a49163e_nohash_0.wav", "a/7a49163e_nohash_1.wav"]
    assert set(split_clips(clips).values()) == {"validation"}


def test_a_corpus_of_one_speaker_says_whose_voice_is_in_several_splits(tmp_path):
    make(tmp_path, *paths(words="ab", speakers=["anna"], clips=5))
    (note,) = find_corpus(tmp_path).notes
    assert note.startswith("1 speaker(s), as anna, are in several splits, because a, b has too few")


def test_moved_clips_belong_to_the_fingerprint(tmp_path, monkeypatch):
    """Packed corpora are found by it, and older ones hold other splits."""
    make(tmp_path, *paths(words="a", speakers=["anna"], clips=5))
    mended = find_corpus(tmp_path).fingerprint
    monkeypatch.setattr("pld_tf.data.corpus.corpus.moved_clips", lambda split_of: {})
    assert find_corpus(tmp_path).fingerprint != mended
