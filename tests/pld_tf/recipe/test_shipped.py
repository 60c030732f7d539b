"""Every shipped recipe, on the tiny corpus."""

import json
import tomllib

import numpy as np
import pytest
import tiny_run

from pld_tf.data.batches.pipeline import training_batches
from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.store.pack import open_store
from pld_tf.distill.step.teachers import Teachers
from pld_tf.distill.step.trainer import Trainer
from pld_tf.recipe.load import load_recipe, recipe_names, recipe_text

ISSUE_2 = {
    "demo",
    "own_words",
    "smoke",
    "speech_commands_8kw",
    "speech_commands_v1_12",
    "speech_commands_v2_12",
}
# What stands in for each recipe's own words; all else stays as shipped.
TONES = ["words.keywords=['one', 'two']", "words.ignored=[]", "training.batch_size=16"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return find_corpus(tiny_run.make_corpus(tmp_path_factory.mktemp("recipes") / "tones"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("recipes_cache")


def test_the_recipes_of_the_documentation_are_shipped():
    assert set(recipe_names()) >= ISSUE_2


def one_of_each_ladder() -> list[str]:
    """Names of recipes, one for each combination of networks and ways of teaching."""
    seen: dict[str, str] = {}
    for name in recipe_names():
        recipe = load_recipe(name)
        alike = (recipe.models, recipe.teaching)
        seen.setdefault(repr(alike), name)
    return list(seen.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", one_of_each_ladder())
def test_a_recipe_builds_its_models_and_its_rungs_take_two_steps(name, corpus, cache):
    recipe = load_recipe(name, TONES)
    rate_hz = recipe.features.sample_rate_hz
    store = open_store(corpus, sample_rate_hz=rate_hz, cache=cache)
    teachers = None
    # Rungs between the first and the last differ in length alone.
    for number in (0, recipe.rungs - 1):
        parts = tiny_run.rung_parts(recipe, store, number=number)
        needed = {key: parts[key] for key in ("recipe", "data", "student")}
        trainer = Trainer(**needed, teachers=teachers, epochs=recipe.rung_epochs(number))
        before = parts["student"].get_weights()
        batches = training_batches(parts["data"], first_epoch=0, epochs=1)
        # Operator by operator: to trace a network of 150 layers takes far longer.
        losses = [trainer.step(batch).numpy() for batch in batches.take(2)]
        assert np.isfinite(losses).all()
        after = parts["student"].get_weights()
        assert all(np.any(old != new) for old, new in zip(before, after, strict=True))
        teachers = Teachers([parts["student"]], recipe=recipe, seed=0)


@pytest.mark.parametrize("name", recipe_names())
def test_a_copied_recipe_is_the_same_recipe(name, tmp_path):
    copy = tmp_path / "mine.toml"
    copy.write_text(recipe_text(name), "utf-8")
    assert load_recipe(str(copy)) == load_recipe(name)


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_described_in_one_line_that_fits_a_terminal(name):
    description = load_recipe(name).description
    assert "\n" not in description
    assert 10 <= len(description) <= 100


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_resolved_and_read_again_is_itself(name):
    recipe = load_recipe(name)
    resolved = json.loads(recipe.model_dump_json())
    assert type(recipe).model_validate_json(json.dumps(resolved)) == recipe
    assert set(tomllib.loads(recipe_text(name))) <= set(resolved)
