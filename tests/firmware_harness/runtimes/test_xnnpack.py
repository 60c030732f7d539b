"""A model on XNNPACK, as phones and servers run it."""

from pathlib import Path

import numpy as np
import pytest
import tiny_tflite
import tiny_twins
from places import GOLDEN

from export.tflite import interpreter
from firmware_harness.errors import HarnessError
from firmware_harness.runtimes.xnnpack import run_model

LAYERS = tiny_twins.three_layers()


@pytest.fixture
def model(tmp_path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(tiny_twins.int8_model(LAYERS))
    return path


def test_its_outputs_are_within_a_step_of_the_reference_kernels_crop_by_crop(model):
    """One rounding may fall the other way; crops in another order would be far off."""
    rng = np.random.default_rng(0)
    crops = rng.integers(-21, 22, size=(30, 12, 10), dtype=np.int8)
    found = run_model(model, crops)
    expected = interpreter.run(model, crops, resolver=interpreter.GOLDEN)
    assert found is not None
    assert (found.shape, found.dtype) == ((30, 4), np.int8)
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert np.ptp(expected.astype(int), axis=0).min() > 20


def test_inputs_are_taken_in_any_shape_of_the_right_size(model):
    crops = np.arange(-60, 60, dtype=np.int8).reshape(1, 12, 10)
    np.testing.assert_array_equal(run_model(model, crops), run_model(model, crops.reshape(1, -1)))


def test_a_model_that_xnnpack_takes_no_part_of_gives_nothing(tmp_path):
    path = tmp_path / "tile.tflite"
    path.write_bytes(tiny_tflite.tile())
    assert run_model(path, np.zeros((1, 1, 2), np.int8)) is None


def test_a_recurrent_state_does_not_reach_the_next_crop():
    crop = np.random.default_rng(1).normal(size=(1, 5, 4)).astype(np.float32)
    found = run_model(GOLDEN / "lstm.tflite", np.concatenate([crop, 9 * crop, crop]))
    assert found is not None
    np.testing.assert_array_equal(found[0], found[2])
    assert (found[0] != found[1]).any()


def test_a_file_that_is_no_model_is_refused_by_name(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(8))
    with pytest.raises(HarnessError, match=r"model\.tflite"):
        run_model(path, np.zeros((1, 12, 10), np.int8))
