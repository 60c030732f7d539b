"""The model bundles of a run: one of each rung, and one of each way its last student is finished.

None is written twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import tf_keras

from pld_tf.data.store.pack import Store
from pld_tf.distill.finish.finish import Finished
from pld_tf.distill.ladder import RungResult
from pld_tf.model_bundle.contents import bundle_contents
from pld_tf.model_bundle.write import write_bundle
from pld_tf.recipe.schema import Recipe
from pld_tf.system.stderr import start_up_noise_held_back


@dataclass(frozen=True, kw_only=True)
class RunBundles:
    """Writes bundles of one run; all that they have in common.

    Attributes:
      run_dir: of the run.
      recipe, recipe_name, seed, store: it was made from.
      excluded: clips that `store` was packed without.
    """

    run_dir: Path
    recipe: Recipe
    recipe_name: str
    seed: int
    store: Store
    excluded: frozenset[str]

    def write_rung(self, rung: RungResult) -> None:
        """The last rung's bundle is the run's; the others keep theirs beside their weights."""
        if rung.network:  # a rung's first network stands for it
            return
        is_last = rung.number == self.recipe.rungs - 1
        folder = self.run_dir if is_last else rung.folder
        self._write(folder / "bundle", rung, student=lambda: rung.student, variant=None)

    def write_finished(self, finished: Finished, rung: RungResult) -> None:
        """A student of the last rung, finished; all else is as in the rung's own bundle."""
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
                contents=replace(contents, variant=variant),
            )
