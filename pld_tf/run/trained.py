"""The trained networks of a run folder."""

from pld_tf.distill.rungs import Rungs
from pld_tf.run.folder import Run


def trained_rungs(run: Run) -> Rungs:
    """The rungs of a run, keyed by all recordings that it was trained on."""
    return Rungs(recipe=run.recipe, data_key=run.training_key, run_dir=run.folder, seed=run.seed)
