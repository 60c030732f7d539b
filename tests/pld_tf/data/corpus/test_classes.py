"""Classes of words and how many clips of each an epoch takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pld_tf.data.corpus.classes import (
    IGNORED,
    Classes,
    class_notes,
    find_classes,
    require_keyword_clips,
    word_quotas,
)
from pld_tf.errors import PldError
from pld_tf.recipe.load import load_recipe

WORDS = ("bird", "no", "tree", "yes")
COUNTS = st.lists(st.integers(0, 300), min_size=4, max_size=4).map(np.array)


def smoke_classes(*overrides: str, words=WORDS) -> Classes:
    return find_classes(load_recipe("smoke", list(overrides)).words, words)


def test_keywords_come_first_in_the_order_of_the_recipe():
    found = smoke_classes()
    assert found.names == ("yes", "no", "unknown", "silence")
    assert (found.unknown_class, found.silence_class) == (2, 3)
    assert found.of_word.tolist() == [2, 1, 2, 0]


def test_ignored_words_have_no_class():
    assert smoke_classes('words.ignored=["tree"]').of_word.tolist() == [2, 1, IGNORED, 0]


def test_an_ignored_word_may_be_absent():
    assert smoke_classes('words.ignored=["house"]').of_word.tolist() == [2, 1, 2, 0]


def test_an_absent_keyword_is_refused_with_the_nearest_word():
    with pytest.raises(PldError, match=r"'yess'.* has no folder in the data; closest is 'yes'"):
        smoke_classes('words.keywords=["yess", "no"]')


def test_worked_quotas():
    """Keywords have 10 and 20 clips, 15 in the mean; tree has only 4, so bird gives 11."""
    quotas, silence = word_quotas(smoke_classes(), np.array([50, 20, 4, 10]))
    assert quotas.tolist() == [11, 20, 4, 10]
    assert silence == 15


def test_shares_of_unknown_and_silence_scale_with_the_mean_keyword():
    found = smoke_classes("words.unknown=2.0", "words.silence=0.2")
    quotas, silence = word_quotas(found, np.array([50, 20, 40, 10]))
    assert quotas.tolist() == [15, 20, 15, 10]
    assert silence == 3


def test_ignored_words_give_nothing():
    found = smoke_classes('words.ignored=["bird"]')
    quotas, _ = word_quotas(found, np.array([50, 20, 40, 10]))
    assert quotas.tolist() == [0, 20, 15, 10]


def test_a_corpus_of_keywords_alone_has_no_unknown():
    quotas, silence = word_quotas(smoke_classes(words=("no", "yes")), np.array([4, 8]))
    assert quotas.tolist() == [4, 8]
    assert silence == 6


@given(counts=COUNTS, share=st.floats(0, 5))
def test_unknown_is_as_even_as_the_words_allow(counts, share):
    found = smoke_classes(f"words.unknown={share}")
    quotas, _ = word_quotas(found, counts)
    unknown = found.of_word == found.unknown_class
    wanted = round(share * counts[~unknown].mean())
    assert quotas[unknown].sum() == min(wanted, counts[unknown].sum())
    assert (quotas <= counts).all()
    assert (quotas[~unknown] == counts[~unknown]).all()
    # A word that gives less than another by more than the rounding has no clip left.
    short = quotas[unknown] < quotas[unknown].max() - 1
    assert (quotas[unknown][short] == counts[unknown][short]).all()


def counts(bird: int, no: int, tree: int, yes: int) -> np.ndarray:
    return np.array([bird, no, tree, yes])


def test_a_training_split_without_clips_of_a_keyword_is_refused():
    with pytest.raises(PldError, match=r"the train split has no clip of keyword 'no'\. Add clips"):
        require_keyword_clips(smoke_classes(), counts(5, 0, 5, 5), "train")


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_held_out_split_is_refused_only_without_clips_of_any_keyword(split):
    require_keyword_clips(smoke_classes(), counts(0, 0, 0, 1), split)
    with pytest.raises(PldError, match=f"the {split} split has no clip of keyword 'yes', 'no'"):
        require_keyword_clips(smoke_classes(), counts(5, 0, 5, 0), split)


def test_classes_with_clips_of_all_kinds_leave_nothing_to_tell():
    enough = counts(1, 10, 0, 10)
    assert class_notes(smoke_classes(), {"train": enough, "test": enough}) == []


def test_a_keyword_that_a_held_out_split_lacks_is_told():
    splits = {"train": counts(1, 1, 1, 1), "validation": counts(1, 10, 1, 0)}
    told = ["the validation split has no clip of keyword 'yes': nothing tests it."]
    assert class_notes(smoke_classes(), splits) == told


def test_a_held_out_split_of_nine_clips_of_a_keyword_is_told_and_of_ten_is_not():
    splits = {"train": counts(1, 1, 1, 1), "test": counts(1, 10, 1, 9)}
    (note,) = class_notes(smoke_classes(), splits)
    assert note.startswith("the test split has fewer than 10 clips of keyword 'yes': its accuracy")


def test_training_without_clips_of_unknown_is_told_where_the_recipe_wants_them():
    splits = {"train": counts(0, 1, 0, 1)}
    (note,) = class_notes(smoke_classes(), splits)
    assert note.startswith("the train split has no clip of a word that is no keyword: nothing ")
    assert class_notes(smoke_classes("words.unknown=0.0"), splits) == []


def test_words_of_the_keywords_alone_are_told_too():
    found = smoke_classes(words=("no", "yes"))
    (note,) = class_notes(found, {"train": np.array([3, 3])})
    assert "nothing teaches `unknown`" in note


def test_notes_refuse_what_training_would():
    splits = {"train": counts(1, 1, 1, 1), "test": counts(1, 0, 1, 0)}
    with pytest.raises(PldError, match="the test split has no clip of keyword 'yes', 'no'"):
        class_notes(smoke_classes(), splits)
