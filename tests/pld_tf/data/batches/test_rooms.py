"""Noise at a ratio to the word, and rooms."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from joined_batches import by_clip, joined
from plain_choices import plainly
from tiny_corpus import COUNTS, RATE, read_wav

from pld_tf.data.batches import augment
from pld_tf.data.batches.rooms import in_room
from pld_tf.data.batches.training_data import TrainingData
from pld_tf.data.rooms import ROOMS, room_responses
from pld_tf.errors import PldError
from pld_tf.recipe.load import load_recipe

CLIPS = sum(COUNTS["train"].values())


@pytest.fixture
def data(tiny_data, monkeypatch) -> TrainingData:
    monkeypatch.setattr(augment, "log_mel", lambda samples, spec: samples[:, :, None, None])
    return replace(tiny_data, lengths_ms=(1000,))


@pytest.fixture
def audio(store, corpus_root) -> np.ndarray:
    return np.stack([read_wav(corpus_root / path.decode()) for path in store.splits["train"].paths])


def word_rms(samples: np.ndarray) -> float:
    """Of the loudest 200 ms, on the grid of 10 ms."""
    parts = [samples[first : first + 800] for first in range(0, len(samples) - 799, 40)]
    return max(np.sqrt(np.mean(np.square(part, dtype=float))) for part in parts)


def test_noise_lies_below_the_word_by_a_ratio_from_the_range_whatever_the_gain(data, audio):
    ratios = plainly(noise_share=1.0, noise_snr_db=[10.0, 20.0], gain_db=12.0)
    below_db = []
    for clip, crop in by_clip(joined(replace(data, **ratios))).items():
        if clip < CLIPS:
            # The noise is positive and its steps are independent of the clip's.
            gain, level = np.linalg.lstsq(
                np.stack([audio[clip], np.ones(RATE)], axis=1).astype(float), crop, rcond=None
            )[0]
            assert 0.25 < gain < 4
            noise = crop - gain * audio[clip]
            assert level > 0
            rms = np.sqrt(np.mean(np.square(noise)))
            below_db.append(20 * np.log10(gain * word_rms(audio[clip]) / rms))
    assert 9.5 < min(below_db) < 12
    assert 18 < max(below_db) < 20.5


def test_a_room_begins_with_the_direct_sound_and_keeps_the_level():
    rooms = room_responses(RATE)
    assert len(rooms) == ROOMS
    np.testing.assert_allclose(np.square(rooms).sum(axis=1), 1, rtol=1e-5)
    assert (np.abs(rooms).argmax(axis=1) == 0).all()
    lengths_ms = [1000 * np.flatnonzero(room)[-1] / RATE for room in rooms]
    assert 20 < min(lengths_ms) < 80
    assert 200 < max(lengths_ms) < 700


def test_a_room_adds_delayed_copies_and_none_comes_around_from_the_end():
    response = tf.constant([0.8, 0.0, 0.6])
    heard = in_room(tf.constant([[10, 0, 0, 5, 5]]), response)
    np.testing.assert_allclose(heard, [[8, 0, 6, 4, 4]], atol=1e-5)


def test_a_share_of_the_micro_batches_is_heard_in_a_room(data, audio):
    found = joined(replace(data, **plainly(room_share=0.5)), epochs=8)
    dry = [
        clip >= CLIPS or np.array_equal(crop, audio[clip])
        for clip, crop in zip(found["clip"], found["features"], strict=True)
    ]
    all_dry = np.array(dry).reshape(-1, 16).all(axis=1)
    assert 8 <= all_dry.sum() <= 24  # of 32
    assert not np.array(dry).all()


def test_noise_is_not_heard_through_the_room(data):
    """Silence is zeros and noise: the same samples with rooms and without."""
    plain, rooms = (by_clip(joined(replace(data, **plainly(room_share=x)))) for x in (0.0, 1.0))
    for clip in plain:
        if clip >= CLIPS:
            np.testing.assert_allclose(plain[clip], rooms[clip], atol=1e-3)


@pytest.mark.parametrize("echo", [1, 2])
def test_rooms_and_ratios_follow_from_seed_and_epoch(tiny_data, echo):
    choices = plainly(
        room_share=0.5, noise_share=0.8, noise_snr_db=[0.0, 30.0], gain_db=15.0, echo_epochs=echo
    )
    data = replace(tiny_data, **choices)
    whole, rest = joined(data, epochs=4), joined(data, first_epoch=2, epochs=4)
    half = len(whole["features"]) // 2
    assert np.array_equal(whole["features"][half:], rest["features"])
    assert not np.array_equal(whole["features"][:half], rest["features"])


def test_a_range_that_falls_is_refused():
    with pytest.raises(PldError, match=r"augment.noise_snr_db: must hold the least"):
        load_recipe("smoke", ["augment.noise_snr_db=[30, 0]"])


@pytest.mark.parametrize("echo_epochs", [1, 2])
def test_a_teacher_may_hear_its_students_crop_without_noise_and_room(tiny_data, echo_epochs):
    noisy = {"noise_share": 1.0, "noise_snr_db": [0.0, 5.0], "room_share": 1.0, "gain_db": 6.0}
    alike = {"echo_epochs": echo_epochs, "gain_db": 6.0}
    heard = joined(replace(tiny_data, teacher_input="clean_crop", **plainly(**alike | noisy)))
    clean = joined(replace(tiny_data, **plainly(**alike)))
    np.testing.assert_array_equal(heard["clip"], clean["clip"])
    is_word = heard["clip"] < CLIPS
    np.testing.assert_allclose(heard["teacher"][is_word], clean["features"][is_word], atol=1e-5)
    assert np.abs(heard["features"] - heard["teacher"])[is_word].mean() > 0.05
