"""The corpus of a firmware bundle, read as the bundle's run read it."""

from pathlib import Path

from firmware_harness.bundle.read import Bundle
from pld_tf.data.store.open import open_data
from pld_tf.data.store.pack import Store
from pld_tf.recipe.load import parse_recipe
from pld_tf.recipe.schema import Recipe
from pld_tf.system.progress import Say


def open_bundle_data(
    bundle: Bundle, path: Path, *, data: Path, split: str, skip_bad: bool, say: Say
) -> tuple[Recipe, Store] | None:
    """Recipe of a bundle and its packed corpus; None for a bundle that names no run.

    Args:
      bundle: opened from `path`.
      path: names the bundle in messages.
      data: the corpus.
      split: the split whose clips are needed.
      skip_bad: leave unreadable clips out.
      say: called with a note where `data` is not what the run was trained on.

    Raises:
      PldError: the recipe is not valid, or the data can't be used.
    """
    if bundle.recipe is None:
        return None
    recipe = parse_recipe(bundle.recipe, f"of {path}")
    excluded = frozenset(bundle.excluded)
    store = open_data(data, recipe, excluded=excluded, skip_bad=skip_bad, say=say)
    if store.key != bundle.data_key:
        say(
            f"{data} is not the data that {path} was trained on: if it holds those recordings in "
            f"other splits, some of these {split} clips were trained on."
        )
    return recipe, store
