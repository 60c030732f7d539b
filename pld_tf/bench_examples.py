"""Test crops for `pld-tf bench`: what the firmware harness needs, from a corpus."""

import json
from pathlib import Path

import numpy as np

from firmware_harness.bench import Examples
from firmware_harness.bundle import open_bundle
from pld_tf.data.classes import find_classes
from pld_tf.data.held_out import held_out
from pld_tf.distill.predict import crop_features
from pld_tf.errors import PldError
from pld_tf.evaluate import protocol_starts
from pld_tf.recipe import Protocol, parse_recipe
from pld_tf.run import Say, open_data


def bundle_examples(
    bundle: Path, *, data: Path, protocol: Protocol, skip_bad: bool, say: Say
) -> Examples:
    """Features and labels of the test clips, cut as the bundle's model hears them.

    Raises:
      PldError: `bundle` is a lone .tflite, whose features nobody knows.
      HarnessError: the bundle is damaged.
    """
    if not bundle.is_dir():
        raise PldError(
            f"--data needs a bundle of pld-tf export: {bundle} alone does not say which features "
            "and classes its model takes. Leave --data out to measure latency and size."
        )
    open_bundle(bundle)  # checks every file before any is believed
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    recipe = parse_recipe(manifest["recipe"], f"of {bundle}")
    store = open_data(data, recipe, skip_bad=skip_bad, say=say)
    clips = held_out(store, find_classes(recipe, store.words), "test")
    length_ms = recipe.ladder_ms[-1]
    starts = protocol_starts(clips, protocol, length_ms)
    return Examples(
        features=crop_features(clips.crops(starts, length_ms), recipe.features)[..., 0],
        labels=np.repeat(clips.labels, starts.shape[1]),
        protocol=protocol,
        clips=len(clips),
    )
