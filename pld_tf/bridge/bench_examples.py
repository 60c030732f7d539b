"""Test crops for `pld-tf bench`: what the firmware harness needs, from a corpus."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from firmware_harness.bench.bench import Examples
from firmware_harness.bundle.read import open_bundle
from pld_tf.bridge.bundle_corpus import open_bundle_data
from pld_tf.distill.predict import crop_features
from pld_tf.errors import PldError
from pld_tf.evaluation.protocols import protocol_starts
from pld_tf.recipe.tables import Protocol
from pld_tf.system.progress import Say


def bundle_examples(
    path: Path, *, data: Path, protocol: Protocol, audio: bool = False, skip_bad: bool, say: Say
) -> Examples:
    """Features and labels of the test clips, cut as the bundle's model takes them.

    Args:
      path: firmware bundle.
      data: the corpus of the training, or another.
      protocol: how test clips are cropped.
      audio: give the crops as sound too.
      skip_bad: leave unreadable clips out.
      say: called with each note on the corpus.

    Raises:
      PldError: `path` is a lone .tflite, which does not say what its features are.
      HarnessError: the bundle is damaged.
    """
    bundle = open_bundle(path, refused_too=True)
    opened = open_bundle_data(bundle, path, data=data, split="test", skip_bad=skip_bad, say=say)
    if opened is None or bundle.length_ms is None:
        raise PldError(
            f"--data needs a firmware bundle of pld-tf export: {path} alone does not say which "
            "features "
            "and classes its model takes. Leave --data out to measure latency and size."
        )
    recipe, tested = opened
    clips = tested.held_out()
    starts = protocol_starts(clips, protocol, bundle.length_ms)
    crops = clips.crops(starts, bundle.length_ms)
    return Examples(
        features=crop_features(crops, recipe.features)[..., 0],
        labels=np.repeat(clips.labels, starts.shape[1]),
        protocol=protocol,
        clips=len(clips),
        recordings=clips.recordings(tested.classes),
        audio=_samples(crops) if audio else None,
        other_data=tested.other_json(),
    )


def _samples(crops: tf.data.Dataset) -> np.ndarray:
    """int16 [crops, samples] of batches [clips, crops, samples]."""
    batches = [batch.reshape(-1, batch.shape[-1]) for batch in crops.as_numpy_iterator()]
    return np.concatenate(batches)
