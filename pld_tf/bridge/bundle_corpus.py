"""The clips that a firmware bundle is tested or tuned on."""

from pathlib import Path

from firmware_harness.bundle.read import Bundle
from pld_tf.data.store.trained_on import TRAINED_ON, read_trained_on
from pld_tf.data.tested import Origin, ScoredClips, open_tested
from pld_tf.errors import PldError
from pld_tf.recipe.load import parse_recipe
from pld_tf.recipe.schema import Recipe
from pld_tf.system.progress import Say


def open_bundle_data(
    bundle: Bundle, path: Path, *, data: Path, split: str, skip_bad: bool, say: Say
) -> tuple[Recipe, ScoredClips] | None:
    """Recipe of a bundle and the clips of one split; None for a bundle that names no run.

    Args:
      bundle: opened from `path`.
      path: names the bundle in messages.
      data: the corpus that its run was trained on, or another.
      split: the split whose clips are needed.
      skip_bad: leave unreadable clips out.
      say: called with each note on the corpus.

    Raises:
      PldError: the recipe is not valid, or the data can't be used.
    """
    if bundle.recipe is None or bundle.data_key is None:
        return None
    recipe = parse_recipe(bundle.recipe, f"of {path}")
    origin = Origin(
        name=path,
        recipe=recipe,
        data_key=bundle.data_key,
        excluded=frozenset(bundle.excluded),
        trained_on=read_trained_on(path) if TRAINED_ON in bundle.names else None,
    )
    return recipe, open_tested(data, origin, split=split, skip_bad=skip_bad, say=say)


def open_run_data(
    bundle: Bundle, path: Path, *, data: Path, split: str, skip_bad: bool, say: Say
) -> tuple[Recipe, ScoredClips]:
    """As `open_bundle_data`, but the bundle must name its run.

    Raises:
      PldError: it names none; or as `open_bundle_data`.
    """
    opened = open_bundle_data(bundle, path, data=data, split=split, skip_bad=skip_bad, say=say)
    if opened is None:
        raise PldError(
            f"{path} does not say which words it was trained on. Give a firmware bundle that "
            "pld-tf export has written from a run."
        )
    return opened
