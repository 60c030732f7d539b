"""Small model bundles for tests: one with a real model, one made by hand without TensorFlow."""

import hashlib
import json
from pathlib import Path

import numpy as np

FRAMES, CLASSES = 12, 4
LABELS = ("yes", "no", "unknown", "silence")
SPEC = {"sample_rate_hz": 1000, "window_ms": 8, "hop_ms": 4, "fft_size": 8, "mel_bins": 10,
        "low_hz": 0, "high_hz": 500}  # fmt: skip
BINS = 10
SAMPLES = 8 + 4 * (FRAMES - 1)
LENGTH_MS = SAMPLES  # at 1000 samples a second


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Random arrays of the right types and shapes, keyed as in BundleContents."""
    rng = np.random.default_rng(seed)

    def crops(count: int) -> np.ndarray:
        return rng.normal(size=(count, FRAMES, BINS)).astype(np.float32)

    validation = crops(60)
    return {
        # The validation crops themselves: noise beyond the measured ranges would be clipped.
        "representative": validation,
        "validation_features": validation,
        "validation_labels": rng.integers(CLASSES, size=60, dtype=np.int32),
        "golden_audio": rng.integers(-999, 999, size=(3, SAMPLES), dtype=np.int16),
        "golden_features": crops(3),
        "tables": {"window": np.arange(8, dtype=np.int16)},
    }


def handmade(directory: Path) -> Path:
    """A model bundle in all but its saved_model, which holds 10 bytes."""
    made = arrays()
    (directory / "saved_model").mkdir(parents=True)
    (directory / "saved_model" / "saved_model.pb").write_bytes(b"not frozen")
    (directory / "feature_spec.json").write_text(json.dumps(SPEC))
    (directory / "labels.json").write_text(json.dumps({"labels": LABELS, "num_keywords": 2}))
    np.savez(directory / "feature_tables.npz", **made["tables"])
    np.savez(directory / "representative.npz", features=made["representative"])
    np.savez(
        directory / "validation.npz",
        features=made["validation_features"],
        labels=made["validation_labels"],
    )
    np.savez(
        directory / "golden.npz",
        audio=made["golden_audio"],
        features=made["golden_features"],
        logits=np.zeros((3, CLASSES), np.float32),
    )
    rewrite_header(directory)
    return directory


def rewrite_header(directory: Path, **changes: object) -> None:
    """Write bundle.json for the files as they are now; `changes` replace its values."""
    files = [path for path in directory.rglob("*") if path.is_file() and path.name != "bundle.json"]
    header = {
        "format": 1, "recipe_name": "tiny", "recipe": {}, "seed": 0, "data_key": "corpus",
        "rung": 1, "length_ms": LENGTH_MS, "commit": None, "versions": {},
        "model": {"frames": FRAMES, "bins": BINS, "classes": CLASSES},
        "files": {
            path.relative_to(directory).as_posix(): {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
            }
            for path in files
        },
    }  # fmt: skip
    (directory / "bundle.json").write_text(json.dumps(header | changes))


def trained_like(seed: int = 0):
    """A conv net with random weights; conv-BN-ReLU, as the real ones."""
    import tf_keras
    from tf_keras import layers

    from pld_tf.models.seeding import set_seed

    set_seed(seed)
    features = tf_keras.Input((None, BINS, 1))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(features)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    model = tf_keras.Model(features, layers.Dense(CLASSES)(x))
    # Fresh biases and statistics are zeros and ones: losing them would not show.
    rng = np.random.default_rng(seed)
    for weights in model.weights:
        if len(weights.shape) == 1:
            weights.assign(rng.uniform(0.2, 0.6, size=weights.shape))
    return model


def contents(**changes: object):
    """BundleContents of random arrays; validation labels are those the model would give."""
    from pld_tf.features.spec import FeatureSpec
    from pld_tf.model_bundle.write import BundleContents

    values = arrays() | {
        "recipe_name": "tiny", "recipe": {"ladder": [1000, 500]}, "seed": 3, "commit": "abc",
        "data_key": "corpus", "rung": 1, "length_ms": LENGTH_MS,
        "versions": {"numpy": "1"}, "spec": FeatureSpec(**SPEC), "labels": LABELS,
        "num_keywords": 2,
    }  # fmt: skip
    return BundleContents(**(values | changes))


def with_right_labels(model):
    """BundleContents whose validation labels are the classes that `model` gives."""
    features = arrays()["validation_features"]
    logits = model(features[..., None], training=False).numpy()
    return contents(validation_labels=logits.argmax(axis=1).astype(np.int32))


def folder_bytes(directory: Path) -> dict[str, bytes]:
    """Every file below `directory`."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
