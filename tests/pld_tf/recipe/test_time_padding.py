"""Recipes of networks without padding over time."""

import pytest

from pld_tf.distill.rungs import model_key
from pld_tf.errors import PldError
from pld_tf.recipe.load import load_recipe

VALID = "models.1.time_padding='valid'"


def test_the_last_student_may_do_without_padding():
    recipe = load_recipe("fast_8kw", overrides=[VALID])
    assert [recipe.rung_model(rung).time_padding for rung in (0, 1)] == ["same", "valid"]


def test_crops_that_are_too_short_for_it_are_refused():
    with pytest.raises(
        PldError,
        match=r"tc_resnet 14 with time_padding = 'valid' takes at least 47 frames, but rung 1 "
        r"trains on crops of 500 ms, 24 frames\. Take longer inputs",
    ):
        load_recipe("fast_8kw", overrides=[VALID, "models.1.size=14"])


def test_a_family_that_needs_the_padding_is_refused():
    with pytest.raises(PldError, match="bc_resnet has no time_padding = 'valid'"):
        load_recipe("fast_8kw", overrides=[VALID, "models.1.family='bc_resnet'", "models.1.size=1"])


def test_a_network_with_padding_has_the_key_of_earlier_versions():
    """Else its finished rungs would be trained again."""
    padded = load_recipe("fast_8kw").rung_model(1)
    assert model_key(padded) == {"family": "tc_resnet", "size": "8", "width": 0.87, "dropout": 0.0}
    valid = load_recipe("fast_8kw", overrides=[VALID]).rung_model(1)
    assert model_key(valid)["time_padding"] == "valid"
