"""The choice of oneDNN for a training: what its run began with, else what suits its networks.

TensorFlow takes that choice as it loads, so this imports none of it.
"""

import json
from pathlib import Path
from typing import Any

from pld_tf.models.names import FASTER_WITHOUT_ONEDNN
from pld_tf.recipe.schema import Recipe
from pld_tf.system.onednn import onednn_wanted


def choose_onednn(recipe: Recipe, run_dir: Path) -> bool:
    """Whether to train with oneDNN.

    A run goes on with the choice in its `run.json`, because both round differently. A new run
    follows the environment variable TF_ENABLE_ONEDNN_OPTS if it is set.
    """
    begun, wanted = _begun_with(run_dir / "run.json"), onednn_wanted()
    if begun is not None:
        return begun
    if wanted is not None:
        return wanted
    families = {recipe.rung_model(rung).family for rung in range(recipe.rungs)}
    return not families <= FASTER_WITHOUT_ONEDNN


def read_onednn(values: dict[str, Any]) -> bool:
    """The choice in the content of a `run.json`.

    Raises:
      ValueError: it is not true or false.
    """
    onednn = values.get("onednn", True)  # earlier versions left it on, and said nothing
    if not isinstance(onednn, bool):
        raise ValueError(f"expected true or false for 'onednn', got {onednn!r}")
    return onednn


def _begun_with(path: Path) -> bool | None:
    """The choice of a run; None if there is no run that can be read."""
    try:
        return read_onednn(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, AttributeError):
        return None  # what is wrong with the file is told when the run is claimed
