"""The networks of a run on disk. Each lies in a folder that is keyed by all that made it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tf_keras

from pld_tf import models
from pld_tf.errors import PldError
from pld_tf.models.seeding import set_seed
from pld_tf.recipe.affects import Affects, choices
from pld_tf.recipe.schema import Recipe
from pld_tf.recipe.tables import ModelChoice
from pld_tf.system.files import read_npz, told_when_damaged

# Networks of one rung differ in their seeds by this. No ladder has so many rungs.
_SEEDS_PER_NETWORK = 1000
_SEEDS_PER_RUN = 100 * _SEEDS_PER_NETWORK


@dataclass(frozen=True, kw_only=True)
class RungResult:
    """A network of a finished rung, with its accuracy and that of its teachers.

    Attributes:
      number: of the rung.
      network: index among the rung's networks, from 0.
      length_ms: input length of the rung.
      folder: of the network.
      student: with the weights of its best epoch.
      metrics: content of `metrics.json`.
    """

    number: int
    network: int
    length_ms: int
    folder: Path
    student: tf_keras.Model
    metrics: dict[str, Any]


class Rungs:
    """The rungs of one run. To read them needs no corpus, only the key of the one that made them.

    Args:
      recipe: all choices.
      data_key: of the packed corpus that they are trained on.
      run_dir: rungs lie in its `rungs` folder.
      seed: of weights, crops and noise.
    """

    def __init__(self, *, recipe: Recipe, data_key: str, run_dir: Path, seed: int) -> None:
        self._recipe = recipe
        self._data_key = data_key
        self._run_dir = run_dir
        self._seed = seed

    def load(self, number: int, network: int = 0) -> RungResult:
        """A network of a finished rung.

        Raises:
          PldError: it is not finished.
        """
        folder = self._folder(number, network)
        if not (folder / "metrics.json").is_file():
            raise PldError(
                f"rung {number} of {self._run_dir} is not trained yet; go on with pld-tf distill."
            )
        student = self._build(number, network)
        with told_when_damaged(folder):
            weights = read_npz(folder / "weights.npz")
            student.set_weights([weights[name] for name in sorted(weights)])
            metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        return RungResult(
            number=number,
            network=network,
            length_ms=self._recipe.lengths_ms[number],
            folder=folder,
            student=student,
            metrics=metrics,
        )

    def _teaching(self, number: int) -> list[int]:
        """The rungs whose networks teach rung `number`."""
        kept = [0] if self._recipe.teaching.keep_first_teacher and number > 1 else []
        return [*kept, number - 1] if number else []

    def _network_seed(self, number: int, network: int) -> int:
        return self._seed * _SEEDS_PER_RUN + network * _SEEDS_PER_NETWORK + number

    def _build(self, number: int, network: int) -> tf_keras.Model:
        set_seed(self._network_seed(number, network))
        return models.build(
            **self._recipe.rung_model(number).model_dump(),
            frames=None,
            bins=self._recipe.features.bins,
            classes=len(self._recipe.words.class_names),
        )

    def _folder(self, number: int, network: int) -> Path:
        key = self._key(number, network)
        return self._run_dir / "rungs" / f"{number}-{self._recipe.lengths_ms[number]}ms-{key[:8]}"

    def _key(self, number: int, network: int) -> str:
        """Hash of everything that decides a network's weights, its teachers' keys included."""
        recipe = self._recipe
        affecting = (Affects.WEIGHTS, Affects.TEACHING) if number else (Affects.WEIGHTS,)
        made_of = {
            "choices": choices(recipe, *affecting),
            "model": model_key(recipe.rung_model(number)),
            "epochs": recipe.rung_epochs(number),
            "train_fraction": recipe.rung_train_fraction(number),
            "crop_lengths_ms": recipe.crop_lengths_ms(number),
            "length_ms": recipe.lengths_ms[number],
            "store": self._data_key,
            "seed": self._network_seed(number, network),
            "teachers": [
                self._key(rung, teacher)
                for rung in self._teaching(number)
                for teacher in range(recipe.rung_networks(rung))
            ],
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def model_key(model: ModelChoice) -> dict[str, Any]:
    """A network's choices, in which rungs of earlier versions keep their key."""
    values = model.model_dump()
    if values["time_padding"] == "same":
        del values["time_padding"]
    return values
