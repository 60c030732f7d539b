"""The costs of a network at each length: MACs, parameters, bytes as int8 .tflite."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pld_tf import models
from pld_tf.data.corpus.classes import find_classes
from pld_tf.data.store.pack import Store
from pld_tf.distill.ladder import RungResult
from pld_tf.model_bundle.contents import bundle_contents
from pld_tf.model_bundle.write import write_bundle
from pld_tf.models import cost
from pld_tf.recipe.schema import Recipe
from pld_tf.system.files import told_when_damaged, write_json
from pld_tf.system.stderr import start_up_noise_held_back
from pld_tf.system.temporary import temporary_folder

# Converts a model bundle to int8 and returns its size in bytes. Passed in, because this package
# must not import export.
Int8Bytes = Callable[[Path], int]


def shape_costs(recipe: Recipe, store: Store, lengths_ms: list[int]) -> dict[int, dict[str, int]]:
    """Parameters and MACs of the recipe's network at each length."""
    spec = recipe.features
    model = models.build(
        **recipe.rung_model(0).model_dump(),
        frames=None,
        bins=spec.bins,
        classes=len(find_classes(recipe.words, store.words).names),
    )
    return {
        length_ms: {
            "parameters": cost.parameters(model),
            "macs": cost.macs(model, frames=spec.frames(spec.samples(length_ms)), bins=spec.bins),
        }
        for length_ms in lengths_ms
    }


class Int8Sizes:
    """Bytes of the int8 .tflite at each length, measured once and kept in a file.

    Args:
      path: the file.
      int8_bytes: converts a model bundle.
    """

    def __init__(self, path: Path, int8_bytes: Int8Bytes) -> None:
        self._path = path
        self._int8_bytes = int8_bytes

    def read(self) -> dict[int, int]:
        """Bytes by length in ms.

        Raises:
          PldError: the file is damaged.
        """
        if not self._path.is_file():
            return {}
        with told_when_damaged(self._path):
            values: dict[str, Any] = json.loads(self._path.read_text("utf-8"))
            return {int(length_ms): int(size) for length_ms, size in values.items()}

    def measure(self, rung: RungResult, *, recipe: Recipe, store: Store, seed: int) -> None:
        """Convert a trained rung, unless its length is measured: all are the same network."""
        sizes = self.read()
        if rung.length_ms in sizes:
            return
        contents = bundle_contents(
            recipe=recipe, recipe_name="paper", seed=seed, store=store, rung=rung
        )
        frames = recipe.features.frames(recipe.features.samples(rung.length_ms))
        with temporary_folder() as folder:
            bundle = folder / "bundle"
            with start_up_noise_held_back():
                write_bundle(bundle, model=rung.student, frames=frames, contents=contents)
            sizes[rung.length_ms] = self._int8_bytes(bundle)
        write_json(self._path, {str(length_ms): sizes[length_ms] for length_ms in sorted(sizes)})
