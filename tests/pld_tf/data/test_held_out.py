"""Validation and test clips: always the same ones, cut as the protocol says."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_corpus import RATE, read_wav

from pld_tf.data.held_out import HeldOut, held_out
from pld_tf.data.store.loudness import block_energies
from pld_tf.data.store.pack import open_store
from pld_tf.errors import PldError


@pytest.fixture
def validation(store, classes):
    return held_out(store, classes, "validation")


def crops(clips, starts_ms, length_ms) -> np.ndarray:
    dataset = clips.crops(starts_ms, length_ms)
    return np.concatenate(list(dataset.as_numpy_iterator()))


def paths(clips: HeldOut) -> list[str]:
    """File of each clip, relative to the corpus; silence has none."""
    named = clips.store.splits[clips.split].paths[clips.clips]
    return [path.decode() for path in named] + [""] * len(clips.silence)


def test_all_keywords_count_unknown_is_balanced_and_silence_is_as_many(validation):
    """Keywords have 3 clips each, so 3 are unknown: both of tree, and 1 of 4 of bird."""
    words = [path.split("/")[0] for path in paths(validation)]
    assert {word: words.count(word) for word in set(words)} == {
        "yes": 3, "no": 3, "tree": 2, "bird": 1, "": 3,
    }  # fmt: skip
    classes = {"yes": 0, "no": 1, "tree": 2, "bird": 2, "": 3}
    assert validation.labels.tolist() == [classes[word] for word in words]
    assert validation.labels.dtype == np.int32
    assert len(validation) == 12


def test_only_clips_of_the_split_count(store, classes):
    for split in ("validation", "test"):
        clips = held_out(store, classes, split)
        names = [path.split("/")[1] for path in paths(clips) if path]
        assert len(names) > 0
        assert all(name.startswith(split) for name in names)


def test_the_same_clips_count_every_time(store, classes, validation):
    again = held_out(store, classes, "validation")
    assert np.array_equal(again.clips, validation.clips)
    assert again.silence.tobytes() == validation.silence.tobytes()


@pytest.mark.parametrize(
    ("protocol", "length_ms"),
    [("centre", 800), ("random", 500), ("loudest", 500), ("sliding", 500)],
)
def test_crops_are_the_very_samples_of_their_clips(validation, corpus_root, protocol, length_ms):
    starts = validation.starts_ms(protocol, length_ms)
    found = crops(validation, starts, length_ms)
    assert found.dtype == np.int16
    assert found.shape == (12, starts.shape[1], length_ms * RATE // 1000)
    spoken = [read_wav(corpus_root / path) for path in paths(validation) if path]
    wholes = [*spoken, *validation.silence]
    for whole, row, cut in zip(wholes, starts, found, strict=True):
        for start_ms, crop in zip(row, cut, strict=True):
            first = start_ms * RATE // 1000
            assert np.array_equal(crop, whole[first : first + length_ms * RATE // 1000])


@pytest.mark.parametrize("protocol", ["loudest", "sliding"])
def test_some_crops_are_those_at_their_places_among_all(validation, protocol):
    starts = validation.starts_ms(protocol, 500)
    every = crops(validation, starts, 500).reshape(-1, RATE // 2)
    places = np.linspace(0, len(every) - 1, 7).astype(int)
    assert np.array_equal(validation.some_crops(starts, 500, places), every[places])


def test_the_loudest_part_is_where_the_burst_is(validation):
    found = crops(validation, validation.starts_ms("loudest", 200), 200)
    whole = crops(validation, validation.starts_ms("centre", 1000), 1000)
    spoken = validation.labels < 3
    inside = (found[spoken].astype(float) ** 2).sum(axis=(1, 2))
    everything = (whole[spoken].astype(float) ** 2).sum(axis=(1, 2))
    # 200 ms at 16 times the energy of the other 800 ms hold four fifths of it all.
    assert (inside / everything > 0.7).all()


def test_silence_is_noise_of_its_own_split_at_many_volumes(store, validation):
    """The tiny corpus' noise is positive in training alone."""
    assert validation.silence.shape == (3, RATE)
    assert (validation.silence <= 0).all()
    loudness = np.abs(validation.silence.astype(float)).mean(axis=1)
    full = np.abs(store.noise("validation").astype(float)).mean()
    # Steps of the golden ratio.
    np.testing.assert_allclose(loudness / full, [0.618, 0.236, 0.854], atol=0.01)
    block = RATE // 100
    expected = [block_energies(clip, block) for clip in validation.silence]
    assert np.array_equal(validation.energies[-3:], np.stack(expected))


def test_a_recipe_without_silence_has_none(store, classes):
    clips = held_out(store, replace(classes, silence=0.0), "validation")
    assert len(clips) == 9
    assert clips.labels.max() == 2
    assert crops(clips, clips.starts_ms("centre", 500), 500).shape == (9, 1, 2000)


def test_a_split_without_clips_of_any_keyword_is_refused(store, classes):
    of_word = np.where(classes.of_word == classes.unknown_class, 0, classes.unknown_class)
    index = store.splits["test"]
    birds = replace(index, words=np.full(len(index), store.words.index("yes"), np.int32))
    without = replace(store, splits=store.splits | {"test": birds})
    message = "the test split has no clip of keyword 'yes', 'no'"
    with pytest.raises(PldError, match=message):
        held_out(without, replace(classes, of_word=of_word), "test")


def test_random_crops_follow_their_seed(validation):
    first, again, other = (validation.starts_ms("random", 500, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("protocol", ["centre", "random", "loudest", "sliding"])
def test_crops_have_the_length_of_the_spec_at_rates_that_are_no_whole_khz(
    corpus_root, classes, tmp_path, protocol
):
    """At 11025 Hz half a second is 5512 samples, not 500 times 11."""
    from pld_tf.data.corpus.corpus import find_corpus

    store = open_store(find_corpus(corpus_root), sample_rate_hz=11025, cache=tmp_path)
    clips = held_out(store, classes, "test")
    assert crops(clips, clips.starts_ms(protocol, 500), 500).shape[2] == 5512
