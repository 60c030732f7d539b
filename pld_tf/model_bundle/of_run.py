"""The model bundles of a run: one per rung, and one per way of finishing the last student.

A bundle that exists is not written again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import tf_keras

from pld_tf.data.store.pack import Store
from pld_tf.data.store.trained_on import read_trained_on
from pld_tf.distill.finish.finish import Finished
from pld_tf.distill.ladder import RungResult
from pld_tf.model_bundle.contents import bundle_contents
from pld_tf.model_bundle.write import write_bundle
from pld_tf.recipe.schema import Recipe
from pld_tf.system.stderr import start_up_noise_held_back


@dataclass(frozen=True, kw_only=True)
class RunBundles:
    """Writes the bundles of one run; holds what they share.

    Attributes:
      run_dir: of the run.
      recipe, recipe_name, seed, store: what the run was made from.
      excluded: clips left out of `store`.
    """

    run_dir: Path
    recipe: Recipe
    recipe_name: str
    seed: int
    store: Store
    excluded: frozenset[str]

    def write_rung(self, rung: RungResult) -> None:
        """Write a rung's bundle: the last rung's into the run folder, others beside the weights."""
        if rung.network:  # only a rung's first network gets a bundle
            return
        is_last = rung.number == self.recipe.rungs - 1
        folder = self.run_dir if is_last else rung.folder
        self._write(folder / "bundle", rung, student=lambda: rung.student, variant=None)

    def write_finished(self, finished: Finished, rung: RungResult) -> None:
        """Write a finished student; all else is as in the bundle of the last rung."""
        folder = finished.folder / "bundle"
        self._write(folder, rung, student=finished.student, variant=finished.name)

    def _write(
        self,
        folder: Path,
        rung: RungResult,
        *,
        student: Callable[[], tf_keras.Model],
        variant: str | None,
    ) -> None:
        if (folder / "bundle.json").is_file():
            return
        contents = bundle_contents(
            recipe=self.recipe,
            recipe_name=self.recipe_name,
            seed=self.seed,
            store=self.store,
            rung=rung,
            excluded=self.excluded,
        )
        spec = self.recipe.features
        with start_up_noise_held_back():
            write_bundle(
                folder,
                model=student(),
                frames=spec.frames(spec.samples(rung.length_ms)),
                contents=replace(
                    contents, variant=variant, trained_on=read_trained_on(self.run_dir)
                ),
            )
