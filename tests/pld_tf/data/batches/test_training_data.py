"""Which clips have labels, and which ones batches hold: worked counts on the tiny corpus."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_corpus import COUNTS

from pld_tf.data.batches import training_data
from pld_tf.data.batches.pipeline import training_batches
from pld_tf.data.batches.training_data import Tables, TrainingData
from pld_tf.data.corpus.classes import word_quotas

CLIPS = sum(COUNTS["train"].values())
BATCH = 16


@pytest.fixture(scope="module")
def data(tiny_data) -> TrainingData:
    return tiny_data


def by_word(data: TrainingData, chosen: np.ndarray) -> dict[str, int]:
    counts = np.bincount(data.index.words[chosen], minlength=len(data.store.words))
    return dict(zip(data.store.words, counts.tolist(), strict=True))


def clips_of(data: TrainingData, epochs: int = 1) -> np.ndarray:
    found = training_batches(data, first_epoch=0, epochs=epochs)
    return np.concatenate([batch["clip"].numpy() for batch in found])


def test_worked_shares_are_rounded_up_for_each_word(data):
    quarter = replace(data, train_fraction=0.25)
    assert by_word(data, quarter.labelled()) == {"bird": 8, "no": 3, "tree": 2, "yes": 5}
    least = replace(data, train_fraction=0.001)
    assert by_word(data, least.labelled()) == {"bird": 1, "no": 1, "tree": 1, "yes": 1}


@given(percent=st.integers(1, 100))
def test_a_share_of_a_word_is_rounded_up_as_fractions_are(data, percent):
    """Exact fractions are the oracle: 0.07 * 100 is above 7 in binary."""
    found = by_word(data, replace(data, train_fraction=percent / 100).labelled())
    exact = Fraction(percent, 100)
    assert found == {word: ceil(exact * count) for word, count in COUNTS["train"].items()}


@pytest.mark.parametrize("percent", [7, 14, 28, 55, 56])
def test_a_product_a_hair_above_a_whole_number_is_that_number(data, percent):
    class Hundred:
        words = ("a",)

        def word_counts(self, split: str) -> np.ndarray:
            return np.array([100])

    class Index:
        words = np.zeros(100, np.int64)

        def __len__(self) -> int:
            return 100

    store = Hundred()
    store.splits = {"train": Index()}
    assert percent / 100 * 100 > percent
    assert replace(data, store=store, train_fraction=percent / 100).labelled().sum() == percent


@given(first=st.floats(0.01, 1), second=st.floats(0.01, 1))
def test_a_larger_share_holds_the_clips_of_a_smaller_one(data, first, second):
    small, large = (
        replace(data, train_fraction=share).labelled() for share in sorted((first, second))
    )
    assert not (small & ~large).any()


def test_quotas_are_worked_out_once(data, monkeypatch):
    counted = []
    monkeypatch.setattr(
        training_data, "word_quotas", lambda *given: counted.append(given) or word_quotas(*given)
    )
    fresh = replace(data)
    assert [fresh.steps_per_epoch for _ in range(3)] == [4, 4, 4]
    assert len(counted) == 1


def test_worked_epoch_of_a_share(data):
    """5 yes and 3 no: 4 unknown, 4 silences. With all clips: 20, 12, 16 and 16."""
    quarter = replace(data, train_fraction=0.25)
    quotas, silence = quarter.quotas()
    taken = dict(zip(data.store.words, quotas.tolist(), strict=True))
    assert taken == {"bird": 2, "no": 3, "tree": 2, "yes": 5}
    assert (silence, quarter.steps_per_epoch) == (4, 1)
    taught = replace(quarter, teach_unlabelled=True)
    assert taught.steps_per_epoch == data.steps_per_epoch == 4


@pytest.mark.slow
def test_clips_without_labels_appear_only_where_they_are_taught(data):
    half = replace(data, train_fraction=0.5)
    taught = replace(half, teach_unlabelled=True)
    known = half.labelled()
    alone, all_clips = (clips_of(each, epochs=6) for each in (half, taught))
    assert known[alone[alone < CLIPS]].all()
    # Of unknown words an epoch takes only a part; keyword clips with labels are all there.
    keyword = data.classes.of_word[data.index.words] < 2
    assert set(np.flatnonzero(known & keyword).tolist()) <= set(alone.tolist())
    assert not known[all_clips[all_clips < CLIPS]].all()


def test_a_batch_says_whose_labels_are_known_and_silence_is(data):
    taught = replace(data, train_fraction=0.5, teach_unlabelled=True)
    known = np.append(taught.labelled(), [True] * 16)
    for batch in training_batches(taught, first_epoch=0, epochs=1):
        assert batch["labelled"].dtype == np.float32
        assert np.array_equal(batch["labelled"], known[batch["clip"]].astype(np.float32))


def test_where_all_labels_are_known_batches_do_not_say_so(data):
    (batch,) = training_batches(data, first_epoch=0, epochs=1).take(1)
    assert list(batch) == ["features", "label", "clip"]


def test_tables_hold_the_class_of_each_clip_and_then_silence(data):
    tables = Tables.of(data)
    words = np.array(["yes", "no", "bird", "tree"])
    names = np.array(data.store.words)[data.index.words]
    expected = [[0, 1, 2, 2][int(np.flatnonzero(words == name)[0])] for name in names]
    assert tables.labels.numpy().tolist() == expected + [3] * 16
    assert (tables.clips, tables.silence) == (CLIPS, 16)


def test_only_a_blend_needs_to_know_where_speech_lies(data):
    assert Tables.of(data).speech.shape[0] == 16
    blend = Tables.of(replace(data, teacher_input="blend"))
    assert blend.speech.shape == (CLIPS + 16, 101)
    assert not blend.speech[CLIPS:].numpy().any()
    np.testing.assert_allclose(blend.speech[:CLIPS, -1], 1, atol=1e-6)
