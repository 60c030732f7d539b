"""Negatives in the batches: how many, with which labels, and where hard ones are cut."""

from dataclasses import replace

import numpy as np
import pytest
from joined_batches import joined
from plain_choices import plainly
from tiny_corpus import COUNTS, RATE
from tiny_negatives import write_corpus

from pld_tf.data.batches import augment
from pld_tf.data.batches.draws import noise_starts, takes_speech
from pld_tf.data.batches.training_data import Tables
from pld_tf.data.corpus.corpus import list_corpus
from pld_tf.data.negatives.pack import open_negatives
from pld_tf.data.negatives.taught import Mined, TaughtNegatives
from pld_tf.data.store.clip import read_clip

WORDS = sum(COUNTS["train"].values())
UNKNOWN, SILENCE = 2, 3


@pytest.fixture(scope="module")
def negatives(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLD_TF_CACHE", str(tmp_path_factory.mktemp("cache")))
        corpus = list_corpus(write_corpus(tmp_path_factory.mktemp("negatives")))
        packed = open_negatives(corpus, sample_rate_hz=RATE, progress=lambda done, total: None)
    assert packed is not None
    return packed


@pytest.fixture
def data(tiny_data, negatives):
    return replace(
        tiny_data,
        lengths_ms=(1000,),
        negatives=TaughtNegatives(store=negatives, crops=16),
        **plainly(),
    )


@pytest.fixture
def bare(data, monkeypatch):
    """Batches of bare samples of one second."""
    monkeypatch.setattr(augment, "log_mel", lambda samples, spec: samples[:, :, None, None])
    return data


def test_folders_share_the_crops_and_pauses_have_their_natural_share(data, negatives):
    quotas = data.negatives.quotas()
    counts = negatives.word_counts("train")
    assert quotas[:2].sum() == quotas[2:4].sum() == 8
    assert quotas[1] == 8 * counts[1] // (counts[0] + counts[1])
    assert quotas[2:].tolist() == [0, 8, 0]  # the town is all noise; nothing is hard


def test_an_epoch_holds_pieces_as_they_are_packed_with_their_labels(bare, negatives):
    batch = joined(bare, epochs=1)
    is_piece = (batch["clip"] >= WORDS) & (batch["clip"] < WORDS + len(negatives.splits["train"]))
    assert is_piece.sum() == 16
    index = negatives.splits["train"]
    records = {int(piece): None for piece in batch["clip"][is_piece] - WORDS}
    assert len(records) == 16  # each at most once
    for clip, label, samples in zip(
        batch["clip"][is_piece], batch["label"][is_piece], batch["features"][is_piece], strict=True
    ):
        piece = int(clip) - WORDS
        is_pause = negatives.words[index.words[piece]].endswith("pause")
        assert label == (SILENCE if is_pause else UNKNOWN)
        np.testing.assert_array_equal(samples, read_clip(index, piece, RATE))


def test_words_and_their_labels_are_the_same_with_negatives_beside_them(data, tiny_data):
    alone = replace(data, negatives=None)
    assert data.labels()[:WORDS].tolist() == alone.labels().tolist()
    assert data.quotas()[0][: len(data.store.words)].tolist() == alone.quotas()[0].tolist()
    assert data.clips_per_epoch == alone.clips_per_epoch + 16


def test_hard_negatives_come_in_each_epoch_and_are_cut_where_they_were_mistaken(data, negatives):
    mined = Mined(pieces=np.array([1, 5]), centres_ms=np.array([300, 900], np.int32))
    hard = replace(
        data,
        lengths_ms=(400,),
        tells_crops=True,
        negatives=replace(data.negatives, mined=mined, most_mined=2),
    )
    batch = joined(hard, epochs=1)
    for piece, start_ms in ((1, 100), (5, 600)):  # the last is moved into its piece
        (place,) = np.flatnonzero(batch["clip"] == WORDS + piece)
        assert batch["start"][place] == start_ms * RATE // 1000
        assert batch["label"][place] == UNKNOWN


def test_echoed_batches_hold_the_same_pieces(data):
    echoed = replace(data, **plainly(echo_epochs=2))
    batch = joined(echoed, epochs=2)
    assert (batch["clip"] >= WORDS).sum() == 2 * (16 + data.quotas()[1])


def test_speech_lies_under_words_and_never_under_silence(data, negatives):
    choices = plainly(noise_share=1.0, noise_snr_db=[10.0, 10.0], speech_share=0.5)["augment"]
    tables = Tables.of(replace(data, augment=choices))
    assert tables.recorded == len(data.store.noise("train"))
    assert len(tables.noise) - tables.recorded == len(negatives.noise("train"))
    draws = np.random.default_rng(0).random((1000, 20), np.float32)
    speech = takes_speech(draws, np.arange(1000) % 2 == 0, choices).numpy()
    assert not speech[::2].any()
    assert speech[1::2].mean() == pytest.approx(0.5, abs=0.05)
    starts = noise_starts(
        draws, len(tables.noise), RATE, recorded=tables.recorded, takes_speech=speech
    ).numpy()
    assert (starts[speech] >= tables.recorded).all()
    assert (starts + RATE <= np.where(speech, len(tables.noise), tables.recorded)).all()
