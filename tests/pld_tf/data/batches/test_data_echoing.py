"""Crops out of whole clips that are heard once for several epochs."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from joined_batches import CLIPS, SILENCE, STEPS, batches, by_clip, by_epoch, joined
from plain_choices import plainly, with_crops
from tiny_corpus import RATE, SPEC, read_wav

from pld_tf.data.batches import data_echoing
from pld_tf.data.batches.augment import make_voices
from pld_tf.data.batches.training_data import Tables, TrainingData
from pld_tf.features.log_mel import log_mel

HOP = SPEC.hop_samples
BLOCK = 3  # epochs
VARIED = plainly(
    echo_epochs=BLOCK, loudest_share=0.5, loudest_jitter_ms=50, shift_ms=100,
    gain_db=6.0, noise_share=0.5, noise_volume=0.1,
    tempo=0.4, vocal_tract=0.1, filter_db=6.0,
    time_masks=1, time_mask_frames=9, mel_masks=1, mel_mask_bins=3,
)  # fmt: skip


@pytest.fixture
def data(tiny_data) -> TrainingData:
    return with_crops(replace(tiny_data, tells_crops=True), echo_epochs=BLOCK)


@pytest.fixture(scope="module")
def features_anywhere(store, corpus_root) -> np.ndarray:
    """Features of each training clip from every sample on: [clips, starts, frames, bins].

    Starts begin a hop before the clip and go on to where 500 ms end a hop after it.
    """
    frames = HOP * np.arange(SPEC.frames(RATE // 2))
    starts = np.arange(RATE // 2 + 2 * HOP + 1)
    found = []
    for path in store.splits["train"].paths:
        audio = np.pad(read_wav(corpus_root / path.decode()), HOP).astype(np.float32)
        # Every window once: crops share most of theirs.
        windows = np.lib.stride_tricks.sliding_window_view(audio, SPEC.window_samples)
        heard = log_mel(tf.constant(windows), SPEC).numpy()[:, 0, :, 0]
        found.append(heard[starts[:, None] + frames])
    return np.stack(found)


def place(anywhere: np.ndarray, crop: np.ndarray) -> int:
    """The sample at which a clip's crop begins; fails where it lies nowhere in the clip."""
    gaps = np.abs(anywhere - crop).max(axis=(1, 2))
    assert gaps.min() < 1 / data_echoing.STEPS
    return int(gaps.argmin()) - HOP


def spoken(found: dict[str, np.ndarray]) -> list[tuple[int, int, np.ndarray]]:
    """(clip, start, crop) of all words."""
    rows = zip(found["clip"], found["start"], found["features"], strict=True)
    return [(int(clip), int(start), crop) for clip, start, crop in rows if clip < CLIPS]


@pytest.mark.slow
def test_crops_are_features_of_their_clips_half_a_hop_from_their_start_at_most(
    data, features_anywhere
):
    for clip, start, crop in spoken(joined(data, epochs=2)):
        assert abs(place(features_anywhere[clip], crop) - start) <= HOP // 2


@pytest.mark.slow
def test_windows_stay_where_they_are_through_a_block_and_move_with_the_next(
    data, features_anywhere
):
    found = by_epoch(data, 2 * BLOCK)
    blocks = [found[:BLOCK], found[BLOCK:]]
    offsets: list[dict[int, set[int]]] = [{}, {}]
    for block, of_clip in zip(blocks, offsets, strict=True):
        for clip, _, crop in (row for epoch in block for row in spoken(epoch)):
            of_clip.setdefault(clip, set()).add(place(features_anywhere[clip], crop) % HOP)
    first, second = offsets
    assert all(len(places) == 1 for of_clip in offsets for places in of_clip.values())
    both = first.keys() & second.keys()
    assert len(both) > CLIPS // 2
    assert sum(first[clip] != second[clip] for clip in both) > len(both) * 0.9
    # Wherever within a hop: all quarters occur.
    assert {min(places) * 4 // HOP for places in first.values()} == {0, 1, 2, 3}


def test_every_epoch_takes_each_clip_of_its_block_once_in_another_order_and_crop(data):
    block = by_epoch(data, BLOCK)
    for epoch in block:
        assert len(set(epoch["clip"].tolist())) == STEPS * 16
        assert set(epoch["clip"].tolist()) == set(block[0]["clip"].tolist())
        assert (epoch["clip"] >= CLIPS).sum() == SILENCE
    assert not np.array_equal(block[0]["clip"], block[1]["clip"])
    starts = [dict(zip(epoch["clip"], epoch["start"], strict=True)) for epoch in block]
    assert sum(starts[0][clip] != starts[1][clip] for clip in starts[0]) > 0.9 * len(starts[0])


@pytest.mark.slow
def test_every_block_takes_the_quota_of_every_word_and_other_unknown_clips(data, store):
    words = store.splits["train"].words
    chosen = []
    epochs = by_epoch(data, BLOCK + 1)
    for epoch in (0, BLOCK):
        clips = epochs[epoch]["clip"]
        taken = np.bincount(words[clips[clips < CLIPS]])
        assert dict(zip(store.words, taken.tolist(), strict=True)) == {
            "bird": 10,
            "no": 12,
            "tree": 6,
            "yes": 20,
        }
        chosen.append(set(clips.tolist()))
    assert chosen[0] != chosen[1]


def test_gain_and_noise_are_those_of_the_block(data):
    """A crop of the whole clip, nothing beyond its edges: epochs differ in order alone."""
    loud = replace(
        data,
        lengths_ms=(1000,),
        **plainly(echo_epochs=BLOCK, gain_db=6.0, noise_share=1.0, noise_volume=0.1),
    )
    epochs = by_epoch(loud, BLOCK + 1)
    first, second, other = (by_clip(epochs[epoch]) for epoch in (0, 1, BLOCK))
    assert all(np.array_equal(first[clip], second[clip]) for clip in first)
    assert not any(np.array_equal(first[clip], other[clip]) for clip in first.keys() & other.keys())


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_a_later_start_the_same_rest(data):
    data = replace(data, **VARIED, lengths_ms=(1000, 500), teacher_input="clip", teacher_ms=1000)
    epochs = BLOCK + 3
    whole, again = batches(data, 0, epochs), batches(data, 0, epochs)
    assert len(whole) == epochs * STEPS
    pairs = list(zip(whole, again, strict=True))
    for first_epoch in (1, BLOCK, BLOCK + 2):
        rest = batches(data, first_epoch, epochs)
        pairs += zip(whole[first_epoch * STEPS :], rest, strict=True)
    for batch, same in pairs:
        assert all(batch[name].tobytes() == same[name].tobytes() for name in batch)


def test_kept_crops_come_again(data):
    data = with_crops(
        replace(data, **VARIED), per_clip=4, echo_epochs=BLOCK
    )  # a block of 3 epochs and one of 1
    epochs = np.array_split(batches(data, epochs=9), 9)
    for number, epoch in enumerate(epochs):
        for batch, first in zip(epoch, epochs[number % 4], strict=True):
            assert np.array_equal(batch["features"], first["features"])
    assert not np.array_equal(epochs[2][0]["clip"], epochs[3][0]["clip"])


@pytest.mark.slow
@pytest.mark.parametrize("hears", ["crop", "padded_crop", "clip", "blend"])
def test_batches_have_the_columns_and_shapes_of_those_that_are_heard_anew(data, hears):
    data = replace(data, **VARIED, teacher_input=hears, teacher_ms=800)
    data = replace(data, train_fraction=0.5, teach_unlabelled=True)
    echoed, anew = (joined(with_crops(data, echo_epochs=epochs)) for epochs in (BLOCK, 1))
    assert list(echoed) == list(anew)
    for name, value in echoed.items():
        assert (value.shape, value.dtype) == (anew[name].shape, anew[name].dtype)
        assert np.isfinite(value).all()
    # What is drawn for crops is the same: only the clips' order and their sound are not.
    orders = [np.argsort(found["clip"]) for found in (echoed, anew)]
    shared = np.isin(echoed["clip"][orders[0]], anew["clip"])
    for name in {"start", "held", "labelled"} & set(echoed):
        ours, theirs = (
            found[name][order] for found, order in zip((echoed, anew), orders, strict=True)
        )
        kept = np.isin(anew["clip"][orders[1]], echoed["clip"])
        assert np.array_equal(ours[shared], theirs[kept])


PLACES = {
    "hop": st.sampled_from(range(24, 57, 2)),
    "within": st.floats(0, 1, exclude_max=True),
    "where": st.floats(0, 1),
}


def placed(data: TrainingData, *, hop: int, within: float, where: float) -> tuple[int, int]:
    """Start of a crop, `where` of the way through all it may have, and of a clip's first window."""
    room = RATE - SPEC.samples(data.lengths_ms[0])
    margin = max(0, SPEC.samples(data.crops.shift_ms) - room / 2)
    origin = int(within * hop) - hop // 2 - data_echoing._reach(data)
    return round(where * (room + 2 * margin) - margin), origin


@pytest.mark.slow
def test_a_voice_is_laid_on_the_whole_clip(data, store, corpus_root):
    """The same windows as `Voices` gives at the hop and with the filters of the clip's voice."""
    voiced = replace(data, **plainly(echo_epochs=BLOCK, tempo=0.4, vocal_tract=0.1))
    tf.random.set_seed(0)
    whole = data_echoing._whole_clips(voiced, Tables.of(voiced), tf.constant(0, tf.int64))
    assert len(set(whole.hop.numpy())) > 2
    voices = make_voices(voiced)
    assert voices
    for row in (0, 17, 35):
        clip, origin, hop = (int(part[row]) for part in whole[2:])
        if clip >= CLIPS:
            continue
        frames = int(data_echoing._frames(voiced, hop))
        audio = np.pad(read_wav(corpus_root / store.splits["train"].paths[clip].decode()), 2000)
        samples = audio[2000 + origin :][: SPEC.window_samples + (frames - 1) * hop]
        gaps = []
        for tract in np.linspace(0, 0.99, 17):
            expected = voices.log_mel(
                tf.constant(samples[None].astype(np.float32)), hop=tf.constant(hop), tract=tract
            )
            found = whole.features[row, :frames].numpy() / data_echoing.STEPS
            gaps.append(np.abs(expected[0, ..., 0] - found).max())
        assert min(gaps) < 1 / data_echoing.STEPS


@given(
    **PLACES,
    length_ms=st.sampled_from([200, 500, 770, 1000]),
    shift_ms=st.sampled_from([0, 9, 100, 500]),
)
def test_whole_clips_hold_every_crop(store, classes, hop, within, where, length_ms, shift_ms):
    """No crop's start is moved by more than half a hop, not even at the edges."""
    data = TrainingData(
        store=store, classes=classes, spec=SPEC,
        **plainly(tempo=0.4, shift_ms=shift_ms, echo_epochs=BLOCK),
        lengths_ms=(length_ms,), batch=16, seed=1,
    )  # fmt: skip
    length = SPEC.samples(length_ms)
    start, origin = placed(data, hop=hop, within=within, where=where)
    voices = make_voices(data)
    assert voices
    heard = start + (length - voices.samples(length, hop)) // 2
    first = round((heard - origin) / hop)
    assert 0 <= first <= data_echoing._frames(data, hop) - SPEC.frames(length)


@pytest.mark.slow
def test_a_crop_between_zeros_is_heard_from_the_window_nearest_to_its_start(
    data, store, corpus_root
):
    """Its own windows are those with their middle in the crop: 50 of the 79 that 800 ms have."""
    found = joined(replace(data, lengths_ms=(500,), teacher_input="padded_crop", teacher_ms=800))
    first, frames = 14, 50
    quiet = log_mel(tf.zeros([1, SPEC.window_samples]), SPEC)[0, ..., 0].numpy()
    assert found["teacher"].shape[1:] == (SPEC.frames(RATE * 4 // 5), SPEC.bins)
    assert (found["teacher"][:, :first] == quiet).all()
    assert (found["teacher"][:, first + frames :] == quiet).all()
    before, heard = RATE * 3 // 20, SPEC.window_samples + (frames - 1) * HOP
    for clip, start, crop in zip(found["clip"], found["start"], found["teacher"], strict=True):
        if clip >= CLIPS:
            continue
        audio = np.pad(read_wav(corpus_root / store.splits["train"].paths[clip].decode()), RATE)
        near = RATE + start + first * HOP - before - HOP // 2
        pieces = np.lib.stride_tricks.sliding_window_view(audio[near : near + HOP + heard], heard)
        there = log_mel(tf.constant(pieces.astype(np.float32)), SPEC)[..., 0]
        gaps = np.abs(there - crop[first : first + frames]).max(axis=(1, 2))
        assert gaps.min() < 1 / data_echoing.STEPS


@pytest.mark.slow
@given(
    **PLACES,
    length_ms=st.sampled_from([200, 500, 770, 990, 1000]),
    shift_ms=st.sampled_from([0, 9, 100]),
)
def test_whole_clips_hold_every_crop_between_zeros(
    store, classes, hop, within, where, length_ms, shift_ms
):
    """Every window whose middle lies in the crop is the clip's window that lies nearest."""
    data = TrainingData(
        store=store, classes=classes, spec=SPEC,
        **plainly(tempo=0.4, shift_ms=shift_ms, echo_epochs=BLOCK),
        lengths_ms=(length_ms,), teacher_input="padded_crop", teacher_ms=1000,
        batch=16, seed=1,
    )  # fmt: skip
    length = SPEC.samples(length_ms)
    before = (RATE - length) // 2
    start, origin = placed(data, hop=hop, within=within, where=where)
    numbered = np.arange(int(data_echoing._frames(data, hop)), dtype=np.int16)
    whole = data_echoing.WholeClips(
        tf.constant(np.tile(numbered[None, :, None], (1, 1, SPEC.bins))),
        tf.zeros([1, len(numbered), 0], tf.int16),
        *(tf.constant([number]) for number in (0, origin, hop)),
    )
    heard = data_echoing.EchoedClips(data, whole, tf.constant([0])).padded(
        tf.constant([start]), length, RATE
    )
    windows = heard.numpy()[0, :, 0, 0] * data_echoing.STEPS
    middles = np.arange(SPEC.frames(RATE)) * HOP + SPEC.window_samples // 2
    own = np.flatnonzero((middles >= before) & (middles < before + length))
    assert np.array_equal(np.flatnonzero(windows >= 0), own)
    # The voice's pace moves windows away from the middle of them all.
    places = origin + windows[own] * hop
    wanted = start + own.mean() * HOP - before + (own - own.mean()) * hop
    assert np.abs(places - wanted).max() <= hop / 2 + 1
