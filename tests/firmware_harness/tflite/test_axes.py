"""Axes of scales that lie past a vector's only dimension."""

import numpy as np
from c_models import Net
from places import GOLDEN

from firmware_harness.bundle.read import ModelFile
from firmware_harness.runtimes.interpreter import Model
from firmware_harness.tflite.axes import with_axes_in_range


def depthwise(axis: int) -> bytes:
    """The biases have the axis of the weights, as TFLite Micro's person_detect has it."""
    net = Net((1, 5, 4, 3))
    output = net.depthwise_conv_2d(0)
    net._tensors[2].quantization.quantizedDimension = axis
    return net.model(output)


def test_the_interpreter_takes_what_tflite_micro_takes():
    inputs = np.random.default_rng(0).integers(-128, 128, (1, 5, 4, 3)).astype(np.int8)
    plain, odd = (
        Model(ModelFile(name="m", content=depthwise(axis)), resolver="reference").run([inputs])
        for axis in (0, 3)
    )
    np.testing.assert_array_equal(plain, odd)


def test_only_axes_of_vectors_change():
    odd = depthwise(3)
    mended = with_axes_in_range(odd)
    assert sum(one != other for one, other in zip(odd, mended, strict=True)) == 1
    assert with_axes_in_range(mended) == mended


def test_other_files_stay_as_they_are():
    for content in ((GOLDEN / "int8.tflite").read_bytes(), b"no model", b""):
        assert with_axes_in_range(content) == content
