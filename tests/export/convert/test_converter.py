"""Conversions in a process of their own, and in the forks that stand in for it in other tests."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from export.convert import converter
from export.convert.converter import ConversionError, convert


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> Path:
    """A model of one dense layer, and crops."""
    folder = tmp_path_factory.mktemp("student")
    weights = tf.constant([[1.0, -2.0], [0.5, 3.0]])

    @tf.function(input_signature=[tf.TensorSpec([1, 1, 2, 1], tf.float32, name="features")])
    def run(features):
        return {"logits": tf.reshape(features, [1, 2]) @ weights}

    module = tf.Module()
    tf.saved_model.save(module, str(folder / "saved_model"), signatures=run)
    crops = np.random.default_rng(0).normal(size=(20, 1, 2)).astype(np.float32)
    np.savez(folder / "crops.npz", features=crops)
    return folder


def converted(student: Path, folder: Path) -> list[bytes]:
    outputs = {kind: folder / f"{kind}.tflite" for kind in ("int8", "float")}
    convert(
        saved_model=student / "saved_model",
        representative=student / "crops.npz",
        outputs=outputs,
    )
    return [path.read_bytes() for path in outputs.values()]


@pytest.mark.slow
def test_a_process_of_its_own_and_a_fork_write_the_same_bytes(student, tmp_path, monkeypatch):
    forked = converted(student, tmp_path)
    monkeypatch.setattr(converter, "subprocess", subprocess)
    assert converted(student, tmp_path) == forked


@pytest.mark.slow
def test_a_fork_that_fails_says_why(student, tmp_path):
    with pytest.raises(ConversionError, match=r"ended with code 1 .*no kind"):
        convert(
            saved_model=student / "saved_model",
            representative=student / "crops.npz",
            outputs={"no kind": tmp_path / "x.tflite"},
        )
