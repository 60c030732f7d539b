"""Batches: the right clips, the right crops, the same bytes each time, one crop for two models.

Most tests look at crops instead of features: `crops_as_features` hands the samples through.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from joined_batches import (
    BATCH,
    CLIPS,
    SILENCE,
    STEPS,
    batches,
    by_clip,
    by_epoch,
    joined,
    position,
)
from plain_choices import plainly, with_crops
from tiny_corpus import RATE, SPEC, background, read_wav

from pld_tf.data.batches import augment, records
from pld_tf.data.batches.training_data import Tables, TrainingData
from pld_tf.data.crop_places import pad_crops
from pld_tf.data.held_out import fixed_crops
from pld_tf.features.log_mel import log_mel

VARIED_KEYS = {
    "loudest_share": 0.5,
    "loudest_jitter_ms": 50,
    "shift_ms": 100,
    "gain_db": 6.0,
    "noise_share": 0.5,
    "noise_volume": 0.1,
}
VARIED = plainly(**VARIED_KEYS)
MASKS = {"time_masks": 1, "time_mask_frames": 9, "mel_masks": 1, "mel_mask_bins": 3}
AUGMENTED = plainly(**VARIED_KEYS, **MASKS)


@pytest.fixture
def crops_as_features(monkeypatch) -> None:
    monkeypatch.setattr(augment, "log_mel", lambda samples, spec: samples[:, :, None, None])


@pytest.fixture
def data(tiny_data) -> TrainingData:
    return replace(tiny_data, lengths_ms=(1000,))


@pytest.fixture
def audio(store, corpus_root) -> np.ndarray:
    """Samples of the training clips in the order of the index, then of silence."""
    clips = [read_wav(corpus_root / path.decode()) for path in store.splits["train"].paths]
    return np.concatenate([np.stack(clips), np.zeros((SILENCE, RATE), np.int16)])


def with_choices(data: TrainingData, choices: dict[str, Any], **changes) -> TrainingData:
    return replace(data, **choices, **changes)


# --- which clips ---


def test_an_epoch_takes_the_quota_of_every_word_and_each_clip_once(data, store):
    assert data.steps_per_epoch == STEPS
    for clips in joined(data, epochs=2)["clip"].reshape(2, -1):
        assert len(set(clips.tolist())) == len(clips) == STEPS * BATCH
        words = store.splits["train"].words[clips[clips < CLIPS]]
        taken = dict(zip(store.words, np.bincount(words).tolist(), strict=True))
        assert taken == {"bird": 10, "no": 12, "tree": 6, "yes": 20}
        assert sorted(clips[clips >= CLIPS].tolist()) == list(range(CLIPS, CLIPS + SILENCE))


def test_exactly_the_quota_of_every_word_is_chosen(data, store):
    """Batches alone don't show it: one clip too many would only push the last one out."""
    chosen = records.chosen(Tables.of(data), tf.constant([1, 0], tf.int64)).numpy()
    assert np.bincount(store.splits["train"].words[chosen]).tolist() == [10, 12, 6, 20]


def test_every_epoch_takes_other_unknown_clips_in_another_order(data, store):
    clips = joined(data, epochs=2)["clip"].reshape(2, -1)
    assert not np.array_equal(clips[0], clips[1])
    words = np.append(store.splits["train"].words, [-1] * SILENCE)
    birds = [set(epoch[words[epoch] == store.words.index("bird")].tolist()) for epoch in clips]
    assert birds[0] != birds[1]
    assert [len(chosen) for chosen in birds] == [10, 10]


def test_clips_that_fill_no_batch_are_left_to_other_epochs(data):
    data = replace(data, batch=48)
    assert data.steps_per_epoch == 1
    found = batches(data, epochs=2)
    assert [len(batch["clip"]) for batch in found] == [48, 48]
    assert found[0]["features"].shape == (48, 99, 8, 1)


def test_where_all_clips_are_taken_their_order_and_the_rest_left_out_change(data):
    everything = replace(data, classes=replace(data.classes, unknown=100.0, silence=0.0))
    assert everything.steps_per_epoch == CLIPS // BATCH
    clips = joined(everything, epochs=2)["clip"].reshape(2, -1)
    assert [len(set(epoch.tolist())) for epoch in clips] == [CLIPS // BATCH * BATCH] * 2
    assert set(clips[0].tolist()) != set(clips[1].tolist())
    assert (clips[0] != clips[1]).mean() > 0.8


def test_silence_is_spread_among_the_words(data):
    silent = joined(data)["clip"].reshape(STEPS, BATCH) >= CLIPS
    assert (silent.sum(axis=1) > 0).all()


def test_a_recipe_without_silence_has_none(data):
    found = joined(replace(data, classes=replace(data.classes, silence=0.0)))
    assert len(found["clip"]) == 3 * BATCH
    assert found["clip"].max() < CLIPS


def test_no_clip_of_another_split_is_trained_on(store, corpus_root, data):
    held_out = {
        line
        for name in ("validation_list.txt", "testing_list.txt")
        for line in (corpus_root / name).read_text().splitlines()
    }
    paths = {path.decode() for path in store.splits["train"].paths}
    assert not paths & held_out
    assert len(paths) == CLIPS
    assert data.index is store.splits["train"]


# --- which samples ---


def test_plain_crops_are_the_features_and_labels_of_their_own_clips(data, store, audio):
    found = joined(data)
    expected = log_mel(tf.constant(audio[found["clip"]].astype(np.float32)), SPEC)
    spoken = found["clip"] < CLIPS
    np.testing.assert_allclose(found["features"][spoken], np.squeeze(expected)[spoken], atol=1e-5)
    names = [path.decode().split("/")[0] for path in store.splits["train"].paths]
    classes = {"yes": 0, "no": 1, "bird": 2, "tree": 2}
    labels = [classes[name] for name in names] + [3] * SILENCE
    assert found["label"].tolist() == [labels[clip] for clip in found["clip"]]


@pytest.mark.usefixtures("crops_as_features")
def test_plain_crops_have_the_very_samples(data, audio):
    found = joined(data)
    spoken = found["clip"] < CLIPS
    assert np.array_equal(found["features"][spoken], audio[found["clip"]][spoken])


@pytest.mark.usefixtures("crops_as_features")
def test_short_crops_lie_within_their_clips_and_anywhere(data, audio):
    found = by_clip(joined(replace(data, lengths_ms=(500,))))
    starts = [position(audio[clip], crop) for clip, crop in found.items() if clip < CLIPS]
    assert min(starts) >= 0
    assert min(starts) < 400
    assert max(starts) > 1600


@pytest.mark.usefixtures("crops_as_features")
def test_crops_around_the_loudest_part_hold_it(data, audio):
    """Each clip has 200 ms that are 12 dB louder than the rest."""
    near = with_choices(data, plainly(loudest_share=1.0, loudest_jitter_ms=10), lengths_ms=(200,))
    for clip, crop in by_clip(joined(near)).items():
        if clip < CLIPS:
            energy = np.convolve(audio[clip].astype(float) ** 2, np.ones(800), "valid")
            assert abs(position(audio[clip], crop) - energy.argmax()) <= 40 + 40


@pytest.mark.usefixtures("crops_as_features")
def test_a_shift_past_the_edges_brings_zeros(data, audio):
    shifts = []
    for clip, crop in by_clip(joined(with_choices(data, plainly(shift_ms=100)))).items():
        if clip >= CLIPS:
            continue
        heard = np.flatnonzero(crop)
        first, last = heard[0], heard[-1] + 1
        assert np.array_equal(crop[first:last], audio[clip][RATE - last : RATE - first])
        assert first == 0 or last == RATE
        shifts.append(first - (RATE - last))
    assert -400 <= min(shifts) < -200
    assert 200 < max(shifts) <= 400


@pytest.mark.usefixtures("crops_as_features")
def test_gain_is_one_factor_of_up_to_its_decibels(data, audio):
    factors = []
    for clip, crop in by_clip(joined(with_choices(data, plainly(gain_db=6.0)))).items():
        if clip < CLIPS:
            ratio = crop / audio[clip]
            np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
            factors.append(20 * np.log10(ratio[0]))
    assert -6.001 <= min(factors) < -4
    assert 4 < max(factors) <= 6.001


@pytest.mark.usefixtures("crops_as_features")
def test_silence_is_a_piece_of_the_training_noise_at_any_volume(data):
    """The tiny corpus' noise is positive for training and negative elsewhere."""
    found = by_clip(joined(with_choices(data, plainly(shift_ms=100))))
    heard = [crop for clip, crop in found.items() if clip >= CLIPS]
    assert len(heard) == SILENCE
    assert all((crop > 0).all() for crop in heard)
    volumes = [volume_of(background(), crop) for crop in heard]
    assert min(volumes) < 0.3
    assert max(volumes) > 0.7


@pytest.mark.usefixtures("crops_as_features")
def test_noise_is_added_to_its_share_of_the_words_at_its_volume(data, audio):
    found = by_clip(joined(with_choices(data, plainly(noise_share=0.5, noise_volume=0.1))))
    added = [crop - audio[clip] for clip, crop in found.items() if clip < CLIPS]
    noisy = [noise for noise in added if noise.any()]
    assert 12 <= len(noisy) <= 36
    for noise in noisy:
        assert noise.min() >= 0
        assert noise.max() <= 0.1 * 1500
        assert noise.std() > 0


@pytest.mark.slow
def test_masks_cover_the_students_features_with_zeros_and_not_the_teachers(data):
    masked = joined(with_choices(data, plainly(**MASKS), teacher_input="clip", teacher_ms=1000))
    plain, covered = by_clip(joined(data)), by_clip(masked)
    for clip, heard in zip(masked["clip"], masked["teacher"], strict=True):
        assert clip >= CLIPS or np.array_equal(heard, plain[clip])
    some = 0
    for clip, features in covered.items():
        if clip < CLIPS:
            changed = features != plain[clip]
            assert not features[changed].any()
            rows, columns = changed.all(axis=1), changed.all(axis=0)
            assert np.array_equal(changed, rows[:, None] | columns[None])
            assert rows.sum() <= 9
            assert columns.sum() <= 3
            some += changed.any()
    assert some > 30


def volume_of(noise: np.ndarray, crop: np.ndarray) -> float:
    """Factor by which a piece of `noise` became `crop`; fails where none did."""
    ratios = noise[1:].astype(float) / noise[:-1]
    near = np.isclose(
        np.lib.stride_tricks.sliding_window_view(ratios, 16), crop[1:17] / crop[:16], rtol=1e-4
    ).all(axis=1)
    (start,) = np.flatnonzero(near)
    factor = crop[0] / noise[start]
    np.testing.assert_allclose(crop, noise[start : start + len(crop)] * factor, rtol=1e-4)
    return float(factor)


# --- repeatable ---


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_a_later_start_the_same_rest(data):
    """Whatever TensorFlow's own seed is."""
    data = with_choices(
        data, AUGMENTED, lengths_ms=(1000, 500), teacher_input="clip", teacher_ms=1000
    )
    tf.random.set_seed(5)
    whole = batches(data, epochs=3)
    tf.random.set_seed(6)
    tf.random.uniform([3])
    again, rest = batches(data, epochs=3), batches(data, first_epoch=1, epochs=3)
    assert len(whole) == 3 * STEPS
    for first, second in zip([*whole, *whole[STEPS:]], [*again, *rest], strict=True):
        assert list(first) == ["features", "label", "clip", "teacher"]
        for name, value in first.items():
            assert value.tobytes() == second[name].tobytes()


@pytest.mark.usefixtures("crops_as_features")
def test_a_clip_is_cut_the_same_wherever_it_stands_in_the_epoch(data):
    """Draws belong to the clip, not to its place: a larger batch changes nothing."""
    data = with_choices(data, VARIED, lengths_ms=(500,))
    small, large = by_clip(joined(data)), by_clip(joined(replace(data, batch=64)))
    assert small.keys() == large.keys()
    for clip, crop in small.items():
        assert np.array_equal(crop, large[clip])


@pytest.mark.slow
@pytest.mark.usefixtures("crops_as_features")
def test_another_epoch_or_seed_gives_other_crops(data):
    data = with_choices(data, VARIED, lengths_ms=(500,))
    first, *others = [by_clip(found) for found in by_epoch(data, 2)]
    others.append(by_clip(joined(replace(data, seed=2))))
    for second in others:
        both = first.keys() & second.keys()
        assert len(both) > 32
        assert not any(np.array_equal(first[clip], second[clip]) for clip in both)


@pytest.mark.slow
def test_shards_are_mixed_and_every_clip_keeps_its_audio(data, corpus_root, tmp_path, monkeypatch):
    from pld_tf.data.corpus.corpus import find_corpus
    from pld_tf.data.store import pack as store_module

    monkeypatch.setattr(store_module, "SHARD_CLIPS", 9)
    store = store_module.open_store(find_corpus(corpus_root), sample_rate_hz=RATE, cache=tmp_path)
    assert len(store.splits["train"].shards) == 8
    found, expected = by_clip(joined(replace(data, store=store))), by_clip(joined(data))
    for clip in found.keys() & expected.keys():
        if clip < CLIPS:
            assert np.array_equal(found[clip], expected[clip])


@pytest.mark.slow
def test_kept_crops_come_again_after_as_many_epochs_whenever_a_run_goes_on(data):
    """Everything of an epoch repeats: which clips, their order, crops, noise and masks."""
    data = with_choices(data, AUGMENTED, lengths_ms=(1000, 500))
    kept = with_crops(data, per_clip=2)
    epochs = np.array_split(batches(kept, epochs=5), 5)
    for number, epoch in enumerate(epochs):
        for again, batch in enumerate(epoch):
            first = epochs[number % 2][again]
            assert all(np.array_equal(batch[name], first[name]) for name in first)
    assert not np.array_equal(epochs[0][0]["clip"], epochs[1][0]["clip"])
    fresh, rest = batches(data, epochs=2), batches(kept, first_epoch=4, epochs=5)
    for first, second in zip(
        np.concatenate([*epochs[:2], epochs[4]]), [*fresh, *rest], strict=True
    ):
        assert np.array_equal(first["features"], second["features"])


# --- lengths and teachers ---


@pytest.mark.usefixtures("crops_as_features")
def test_a_batch_has_one_length_and_all_lengths_occur(data):
    lengths = (1000, 800, 500)
    found = batches(replace(data, lengths_ms=lengths), epochs=8)
    sizes = [batch["features"].shape[1] for batch in found]
    assert set(sizes) == {SPEC.samples(ms) for ms in lengths}
    assert len(sizes) == 8 * STEPS
    assert all(batch["features"].shape[0] == BATCH for batch in found)


@pytest.mark.usefixtures("crops_as_features")
def test_each_length_has_its_own_loudest_part(data, audio):
    near = with_choices(data, plainly(loudest_share=1.0), lengths_ms=(800, 200))
    seen = set()
    for batch in batches(near, epochs=2):
        length = batch["features"].shape[1]
        seen.add(length)
        for clip, crop in zip(batch["clip"], batch["features"].squeeze(), strict=True):
            if clip < CLIPS:
                blocks = (audio[clip].astype(float) ** 2).reshape(100, 40).sum(axis=1)
                sums = np.convolve(blocks, np.ones(length // 40), "valid")
                assert position(audio[clip], crop) == 40 * sums.argmax()
    assert seen == {800, 3200}


@pytest.mark.usefixtures("crops_as_features")
def test_a_padded_crop_is_the_students_crop_between_zeros(data):
    data = with_choices(
        data, VARIED, lengths_ms=(500,), teacher_input="padded_crop", teacher_ms=800
    )
    found = joined(data)
    assert found["teacher"].shape == (STEPS * BATCH, 3200)
    assert np.array_equal(found["teacher"][:, 600:2600], found["features"])
    assert not found["teacher"][:, :600].any()
    assert not found["teacher"][:, 2600:].any()


@pytest.mark.usefixtures("crops_as_features")
@pytest.mark.parametrize("teacher_ms", [1000, 800])
def test_a_clip_around_the_crop_holds_the_students_samples(data, teacher_ms):
    """The crop lies in the teacher's middle, or as near as the clip's edges allow."""
    inside = plainly(**(VARIED_KEYS | {"loudest_share": 0.0, "shift_ms": 0}))
    data = with_choices(
        data, inside, lengths_ms=(500,), teacher_input="clip", teacher_ms=teacher_ms
    )
    found = joined(data)
    free = SPEC.samples(teacher_ms) - 2000
    starts = [position(*pair) for pair in zip(found["teacher"], found["features"], strict=True)]
    assert found["teacher"].shape[1] == SPEC.samples(teacher_ms)
    assert min(starts) < free // 4
    assert max(starts) > 3 * free // 4
    if teacher_ms == 800:
        assert starts.count(free // 2) > 20


def test_teacher_and_student_have_equal_frames_where_hops_line_up(data):
    """Loudest parts start on the 10 ms grid, which is this spec's hop."""
    heard = plainly(loudest_share=1.0, gain_db=6.0, noise_share=1.0, noise_volume=0.1)
    data = with_choices(data, heard, lengths_ms=(500,), teacher_input="clip", teacher_ms=1000)
    found = joined(data)
    assert found["teacher"].shape[1:] == (99, 8)
    assert found["features"].shape[1:] == (49, 8)
    for student, teacher in zip(found["features"], found["teacher"], strict=True):
        gaps = [np.abs(teacher[first : first + 49] - student).max() for first in range(51)]
        assert min(gaps) < 1e-4


def test_a_teacher_of_the_same_crop_needs_no_features_of_its_own(data):
    assert list(batches(data)[0]) == ["features", "label", "clip"]


def test_worked_padding():
    padded = pad_crops(tf.constant([[1.0, 2.0]]), 5)
    assert padded.numpy().tolist() == [[0.0, 1.0, 2.0, 0.0, 0.0]]


# --- fixed crops ---


def test_fixed_crops_are_the_very_samples_in_the_order_asked(store, corpus_root):
    clips = np.array([0, 3, 4, 11])
    starts = np.array([[0, 7], [100, 2000], [5, 5], [1999, 1]], np.int32)
    found = np.concatenate(
        list(
            fixed_crops(
                store, "validation", clips=clips, starts=starts, length=2000, batch=3
            ).as_numpy_iterator()
        )
    )
    assert found.dtype == np.int16
    for clip, row, crops in zip(clips, starts, found, strict=True):
        whole = read_wav(corpus_root / store.splits["validation"].paths[clip].decode())
        for start, crop in zip(row, crops, strict=True):
            assert np.array_equal(crop, whole[start : start + 2000])
