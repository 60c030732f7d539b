"""A firmware bundle and the clips that `pld-tf report` tests it on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from firmware_harness.bundle.read import Bundle, ModelFile, open_bundle
from firmware_harness.measure.accuracy import model_logits
from firmware_harness.runtimes.interpreter import Model
from firmware_harness.runtimes.trial import try_models
from pld_tf.bridge.bundle_corpus import open_run_data
from pld_tf.data.tested import ScoredClips
from pld_tf.distill.predict import crop_features
from pld_tf.errors import PldError
from pld_tf.evaluation.score import Infer
from pld_tf.features.spec import FeatureSpec
from pld_tf.recipe.schema import Recipe
from pld_tf.report.bundle_files import Manifest
from pld_tf.report.checked import read_checked
from pld_tf.system.progress import Say


@dataclass(frozen=True, kw_only=True)
class OpenedBundle:
    """A firmware bundle whose files are as its manifest says, and its test clips."""

    path: Path
    bundle: Bundle
    manifest: Manifest
    recipe: Recipe
    tested: ScoredClips

    def infer(self, file: ModelFile) -> Infer:
        """One of its models, as `score_clips` takes it.

        Raises:
          PldError: it has another number of classes than the recipe.
        """
        model = Model(file)
        classes = len(self.tested.classes.names)
        if model.outputs[0].elements != classes:
            raise PldError(
                f"{self.path / file.name} has {model.outputs[0].elements} outputs, but the recipe "
                f"{classes} classes. Write the bundle again with pld-tf export."
            )
        return lambda crops: _logits(model, crops, self.recipe.features)


def open_report_bundle(path: Path, *, data: Path, skip_bad: bool, say: Say) -> OpenedBundle:
    """A bundle that pld-tf export has written from a run, a refused one too.

    Raises:
      PldError: it was not made from a run, a field of its manifest is wrong, or the data can't be
        used.
      HarnessError: the bundle is damaged.
    """
    bundle = open_bundle(path, refused_too=True)
    recipe, tested = open_run_data(
        bundle, path, data=data, split="test", skip_bad=skip_bad, say=say
    )
    try_models([file for file in (bundle.model, bundle.float_model) if file is not None])
    manifest = read_checked(path / "manifest.json", Manifest)
    return OpenedBundle(path=path, bundle=bundle, manifest=manifest, recipe=recipe, tested=tested)


def _logits(model: Model, crops: tf.data.Dataset, spec: FeatureSpec) -> np.ndarray:
    """float32 [clips, crops, classes], batch by batch so that memory does not grow."""
    parts = []
    for batch in crops:
        features = crop_features(tf.data.Dataset.from_tensors(batch), spec)[..., 0]
        logits = model_logits(model, features)
        parts.append(logits.reshape(batch.shape[0], batch.shape[1], -1))
    return np.concatenate(parts)
