"""Micro-batches as other voices would say them, and how much of the word a crop holds."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tiny_run
from joined_batches import by_clip, joined, position
from plain_choices import plainly
from tiny_corpus import COUNTS, RATE, read_wav

from pld_tf.data.batches.pipeline import training_batches
from pld_tf.data.batches.training_data import TrainingData
from pld_tf.data.corpus.classes import find_classes
from pld_tf.data.store.loudness import loudest_start_ms, speech_so_far
from pld_tf.features.voices import TRACTS, Voices
from pld_tf.model_bundle.contents import _representative

CLIPS = sum(COUNTS["train"].values())
VARIED = plainly(
    loudest_share=0.5, loudest_jitter_ms=50, gain_db=6.0, noise_share=0.5, noise_volume=0.1,
    tempo=0.4, vocal_tract=0.1, filter_db=6.0,
)  # fmt: skip


@pytest.fixture
def data(tiny_data) -> TrainingData:
    return replace(tiny_data, **VARIED, batch=32)


@pytest.fixture
def audio(store, corpus_root) -> np.ndarray:
    return np.stack([read_wav(corpus_root / path.decode()) for path in store.splits["train"].paths])


@pytest.fixture
def voice_as_features(monkeypatch) -> None:
    """Each crop's features are the hop and the number of the tract it is heard with."""

    def tell(self, samples, *, hop, tract, knots):
        voice = tf.stack([tf.cast(hop, tf.float32), tf.floor(tract * TRACTS)])
        return tf.tile(voice[None, :, None, None], [tf.shape(samples)[0], 1, 1, 1])

    monkeypatch.setattr(Voices, "log_mel", tell)


@pytest.fixture
def crops_as_features(monkeypatch) -> None:
    monkeypatch.setattr(
        Voices, "log_mel", lambda self, samples, *, hop, tract, knots: samples[:, :, None, None]
    )


@pytest.fixture
def always_slowest(monkeypatch) -> None:
    monkeypatch.setattr(Voices, "hop", lambda self, draw: tf.constant(self.longest_hop))


@pytest.mark.slow
@pytest.mark.parametrize("hears", ["crop", "padded_crop", "clip", "blend"])
def test_voices_change_no_shape(data, hears):
    voiced = replace(data, teacher_input=hears, teacher_ms=800)
    plain = replace(
        voiced,
        augment=VARIED["augment"].model_copy(
            update={"tempo": 0.0, "vocal_tract": 0.0, "filter_db": 0.0}
        ),
    )
    pairs = zip(joined(voiced).items(), joined(plain).items(), strict=True)
    for (name, changed), (other, expected) in pairs:
        assert (name, changed.shape) == (other, expected.shape)
        assert np.isfinite(changed).all()
        assert np.array_equal(changed, expected) == (name in ("clip", "label", "held"))


@pytest.mark.usefixtures("voice_as_features")
def test_a_voice_is_that_of_a_micro_batch_and_of_its_teacher(data):
    found = joined(replace(data, teacher_input="clip", teacher_ms=1000), epochs=8)
    voices = found["features"].reshape(-1, 16, 2)
    assert (voices == voices[:, :1]).all()
    assert np.array_equal(found["teacher"], found["features"])
    # 32 micro-batches: batches hold several voices, and all hops from 24 to 56 may occur.
    assert len({tuple(voice) for voice in voices[:, 0]}) > 20
    hops = set(voices[:, 0, 0].tolist())
    assert min(hops) < 30 < 50 < max(hops)
    assert {24 <= hop <= 56 for hop in hops} == {True}


@pytest.mark.slow
@pytest.mark.usefixtures("voice_as_features")
def test_voices_follow_from_seed_and_epoch(data):
    whole, rest = joined(data, epochs=3), joined(data, first_epoch=1, epochs=3)
    size = len(whole["features"]) // 3
    assert np.array_equal(whole["features"][size:], rest["features"])
    assert not np.array_equal(whole["features"][:size], whole["features"][size : 2 * size])
    other = joined(replace(data, seed=2), epochs=3)
    assert not np.array_equal(whole["features"], other["features"])


@pytest.mark.usefixtures("crops_as_features", "always_slowest")
def test_a_slow_crop_has_the_middle_of_the_plain_one(data, audio):
    """49 frames of 56 samples' hop take 80 + 48 * 56 = 2768 samples: 384 more on either side."""
    near = plainly(loudest_share=1.0, tempo=0.4)
    loudest = loudest_start_ms(data.index.energies, 500) * RATE // 1000
    inside = 0
    for clip, crop in by_clip(joined(replace(data, **near))).items():
        assert len(crop) == 2768
        if clip < CLIPS:
            start = loudest[clip] - 384
            if 0 <= start <= RATE - 2768:
                assert position(audio[clip], crop) == start
                inside += 1
    assert inside > 5


@pytest.mark.usefixtures("crops_as_features", "always_slowest")
def test_what_a_slow_voice_needs_beyond_the_clip_is_zeros(data, audio):
    """99 frames take 80 + 98 * 56 = 5568 samples of a clip of 4000."""
    whole = replace(data, lengths_ms=(1000,), **plainly(tempo=0.4))
    for clip, crop in by_clip(joined(whole)).items():
        if clip < CLIPS:
            assert np.array_equal(crop[784:4784], audio[clip])
            assert not crop[:784].any()
            assert not crop[4784:].any()


@pytest.mark.usefixtures("crops_as_features", "always_slowest")
def test_a_slow_voice_never_leaves_the_training_noise(data):
    """The tiny corpus' noise is positive for training and negative elsewhere."""
    widest = plainly(tempo=0.5, shift_ms=500)
    found = by_clip(joined(replace(data, lengths_ms=(1000,), **widest), epochs=4))
    silent = [crop for clip, crop in found.items() if clip >= CLIPS]
    assert len(silent) == 16
    assert all((crop > 0).all() for crop in silent)


@pytest.mark.slow
def test_a_blend_hears_the_clip_and_knows_how_much_speech_the_crop_holds(data):
    near = plainly(loudest_share=1.0)
    clip, blend = (
        joined(replace(data, **near, teacher_input=hears, teacher_ms=1000))
        for hears in ("clip", "blend")
    )
    for name, expected in clip.items():
        assert np.array_equal(blend[name], expected)
    so_far = speech_so_far(data.index.energies)
    starts = loudest_start_ms(data.index.energies, 500) / 1000
    for number, held in zip(blend["clip"], blend["held"], strict=True):
        if number < CLIPS:
            before = [
                np.interp(starts[number] + length, np.linspace(0, 1, 101), so_far[number])
                for length in (0.0, 0.5)
            ]
            assert held == pytest.approx(before[1] - before[0], abs=1e-5)
        else:
            assert held == 0


def test_a_crop_of_the_whole_clip_holds_all_its_speech(data):
    whole = replace(data, lengths_ms=(1000,), teacher_input="blend", teacher_ms=1000)
    found = joined(whole)
    np.testing.assert_allclose(found["held"], found["clip"] < CLIPS, atol=1e-6)


def test_a_representative_dataset_has_neither_voices_nor_masks(tmp_path):
    changes = {"time_masks": 0, "mel_masks": 0}
    plain = tiny_run.make_recipe(**changes)
    store = tiny_run.open_tiny(tmp_path, plain)
    voiced = tiny_run.make_recipe(tempo=0.3, vocal_tract=0.2, filter_db=6.0, mixup=0.4)
    expected, found = (
        _representative(recipe, 0, store, find_classes(recipe.words, store.words), 500)
        for recipe in (plain, voiced)
    )
    assert np.array_equal(found, expected)


def test_one_pace_and_tract_alone_are_plain_features_of_whole_frames(data):
    """A tract of its own, but none to choose from: what is left out fills no frame."""
    wide = replace(data, **plainly(loudest_share=1.0, tempo=1e-6))
    plain = replace(data, **plainly(loudest_share=1.0))
    for first, second in zip(
        training_batches(wide, first_epoch=0, epochs=1),
        training_batches(plain, first_epoch=0, epochs=1),
        strict=True,
    ):
        # 49 frames are 2000 samples: nothing is left out here, and bytes differ by the rounding
        # of filters that are not the middle ones.
        np.testing.assert_allclose(first["features"], second["features"], atol=2e-3)
