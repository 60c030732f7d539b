"""Words of a recipe that name no folder are told before anything is read."""

import pytest
from listed_corpus import make

from pld_tf.data.corpus.recipe_words import require_folders
from pld_tf.errors import PldError
from pld_tf.recipe.tables import WordChoices


@pytest.fixture
def data(tmp_path):
    return make(
        tmp_path, "yes/a.wav", "tree/a.wav", "cafe\u0301/a.wav", "noise/a.wav", "_old/a.wav"
    )


def test_words_with_folders_are_accepted_composed_or_not(data):
    require_folders(WordChoices(keywords=["yes", "caf\u00e9"], ignored=["tree"]), data)


@pytest.mark.parametrize(
    ("keywords", "ignored", "told"),
    [
        (["yse"], [], "keyword 'yse' of the recipe has no folder in .*; closest is 'yes'."),
        (
            ["yes"],
            ["tre"],
            "ignored word 'tre' of the recipe has no folder in .*; closest is 'tree'",
        ),
        (["yes"], ["house"], "ignored word 'house' .*; there are caf\u00e9, tree, yes."),
        (["yes"], ["_old"], "ignored word '_old' of the recipe has no folder"),
        (["noise"], [], "keyword 'noise' .* is taken as background noise, not as a word. Rename"),
        (["yes"], ["silence"], "ignored word 'silence' of the recipe has no folder"),
    ],
)
def test_a_word_without_a_folder_is_refused_with_near_names(data, keywords, ignored, told):
    with pytest.raises(PldError, match=told) as caught:
        require_folders(WordChoices(keywords=keywords, ignored=ignored), data)
    assert "\n" not in str(caught.value)


def test_a_keyword_whose_recordings_are_not_read_is_refused_with_what_they_are(data):
    make(data, "no/a.m4a", "up/ann/1.wav")
    with pytest.raises(PldError, match=r"keyword 'no' in .* has no recording\. .*1 \.m4a"):
        require_folders(WordChoices(keywords=["yes", "no"]), data)
    with pytest.raises(PldError, match=r"keyword 'up' in .* lie one level too deep .*up/ann/1"):
        require_folders(WordChoices(keywords=["yes", "up"], ignored=["no"]), data)
