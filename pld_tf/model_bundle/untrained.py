"""A recipe's last student before training, as a SavedModel for a preflight to convert."""

from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from pld_tf import models
from pld_tf.model_bundle.freeze import freeze, save_model
from pld_tf.models.seeding import set_seed
from pld_tf.recipe.schema import Recipe
from pld_tf.system.files import write_npz
from pld_tf.system.stderr import start_up_noise_held_back

REPRESENTATIVE_CROPS = 4  # few, because a preflight checks sizes, which do not depend on ranges


def write_untrained(recipe: Recipe, folder: Path, *, width: float) -> dict[str, str]:
    """Write `saved_model` and `representative.npz` into a folder, as in a model bundle.

    Args:
      recipe: gives the last rung's network, length, features and classes.
      folder: created if it is missing.
      width: of the network, instead of the recipe's.

    Returns:
      The Keras layer behind each node of the graph, by the node's name.
    """
    model = _network(recipe, width)
    spec = recipe.features
    frames = spec.frames(spec.samples(recipe.last_ms))
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    crops = rng.normal(size=(REPRESENTATIVE_CROPS, frames, spec.bins)).astype(np.float32)
    write_npz(folder / "representative.npz", features=crops)
    with start_up_noise_held_back():
        infer = freeze(model, frames=frames, bins=spec.bins)
        names = save_model(infer, folder / "saved_model")
    layers = {plain: _layer(name) for plain, name in names.items() if "/" in name}
    return layers | {"logits": model.layers[-1].name}


def _network(recipe: Recipe, width: float) -> tf_keras.Model:
    rung = recipe.rungs - 1
    # Keras counts layers per process. Reset the count, so names match the model's own summary.
    tf_keras.backend.reset_uids()
    set_seed(0)
    choice: dict[str, Any] = {**recipe.rung_model(rung).model_dump(), "width": width}
    model = models.build(
        **choice,
        frames=None,
        bins=recipe.features.bins,
        classes=len(recipe.words.class_names),
    )
    # Initial biases and statistics are all 0 or 1. The converter would store equal ones once.
    rng = np.random.default_rng(0)
    for weights in model.weights:
        if len(weights.shape) == 1 and weights.dtype.is_floating:
            weights.assign(rng.uniform(0.2, 0.6, size=weights.shape))
    return model


def _layer(name: str) -> str:
    """Nodes are named model/layer/operator/..."""
    return name.split("/")[1]
