"""C of layers without weights: every byte as TFLite Micro's, under sanitizers and all warnings."""

import numpy as np
import pytest
from c_model_run import needs_compiler, run_c, run_reference, run_tflm
from c_models import SAME, VALID, case

IMAGE = (1, 7, 5, 3)
EVERY = (1, 256)  # one of the inputs has every int8 value


def drawn(net, shape, **quantization):
    """A constant."""
    values = net.rng.integers(-128, 128, shape).astype(np.int8)
    return net.constant(values, **({"scale": 0.1, "zero": 5} | quantization))


def rows(net):
    """[1, 7, 1, 3]: the greatest of each row."""
    return net.pool("MAX_POOL_2D", net.input, window=(1, 5), stride=(1, 5))


def columns(net):
    """[1, 1, 5, 3]: the greatest of each column."""
    return net.pool("MAX_POOL_2D", net.input, window=(7, 1), stride=(7, 1))


def pool(name, **given):
    return lambda net: net.pool(name, 0, **given)


# Name: shape of the input, how the layer is built, and what else is given of the input.
ELEMENTWISE = {
    "ADD of a constant": (IMAGE, lambda n: n.add(0, drawn(n, IMAGE))),
    "ADD of a constant before": (IMAGE, lambda n: n.add(drawn(n, (3,)), 0)),
    "ADD of an input to itself": (IMAGE, lambda n: n.add(0, 0)),
    "ADD, both repeated": (IMAGE, lambda n: n.add(rows(n), columns(n))),
    "ADD, second repeated": (IMAGE, lambda n: n.add(0, n.mean(0, [1, 2], keep_dims=True))),
    "ADD, RELU6": (IMAGE, lambda n: n.add(0, rows(n), activation="RELU6")),
    "ADD of a scalar": ((1, 9), lambda n: n.add(0, drawn(n, (1,)))),
    "ADD of scales far apart": (IMAGE, lambda n: n.add(0, drawn(n, IMAGE, scale=20.0), scale=11.0)),
    "MUL of a constant": (IMAGE, lambda n: n.mul(0, drawn(n, (5, 1)))),
    "MUL of an input by itself": (IMAGE, lambda n: n.mul(0, 0)),
    "MUL, both repeated": (IMAGE, lambda n: n.mul(columns(n), rows(n))),
    "MUL, first repeated": (IMAGE, lambda n: n.mul(n.mean(0, [1, 2], keep_dims=True), 0)),
    "MUL, RELU": (IMAGE, lambda n: n.mul(0, rows(n), activation="RELU")),
    "MUL to a fine scale": (IMAGE, lambda n: n.mul(0, 0, scale=1e-6)),
}
REDUCED = {
    "MEAN of rows and columns": (IMAGE, lambda n: n.mean(0, [1, 2])),
    "MEAN, dimensions kept": (IMAGE, lambda n: n.mean(0, [2, 1], keep_dims=True)),
    "MEAN of rows": (IMAGE, lambda n: n.mean(0, [1], keep_dims=True)),
    "MEAN of channels": (IMAGE, lambda n: n.mean(0, [-1])),
    "MEAN of all": (IMAGE, lambda n: n.mean(0, [0, 1, 2, 3], keep_dims=True)),
    "MEAN to a fine scale": (IMAGE, lambda n: n.mean(0, [1, 2], scale=0.003)),
    "MEAN of one value": ((1, 1, 1, 9), lambda n: n.mean(0, [1, 2], scale=0.07)),
    "MEAN of 1000 values": ((1, 40, 25, 2), lambda n: n.mean(0, [1, 2], scale=0.004)),
    **{
        f"{name}, {'SAME' if padding == SAME else 'VALID'}, {window}": (
            IMAGE,
            pool(name, padding=padding, window=window, stride=(2, 1)),
        )
        for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D")
        for padding in (SAME, VALID)
        for window in ((3, 2), (2, 5))
    },
    "AVERAGE_POOL_2D, RELU": (IMAGE, pool("AVERAGE_POOL_2D", activation="RELU")),
    "MAX_POOL_2D, RELU6": (IMAGE, pool("MAX_POOL_2D", activation="RELU6")),
}
MOVED = {
    "PAD of an image": (IMAGE, lambda n: n.pad(0, [(0, 0), (1, 2), (0, 3), (2, 1)])),
    "PAD of a batch": (IMAGE, lambda n: n.pad(0, [(1, 2), (0, 0), (0, 1), (0, 0)])),
    "PAD of two dimensions": ((1, 6), lambda n: n.pad(0, [(1, 2), (0, 3)])),
    "STRIDED_SLICE of rows": (
        IMAGE,
        lambda n: n.strided_slice(0, [None, 2, None, None], [None, -1, None, None]),
    ),
    "STRIDED_SLICE of every second": (
        IMAGE,
        lambda n: n.strided_slice(0, [0, 1, -4, None], [1, 9, None, -1], [1, 2, 3, 1]),
    ),
    "STRIDED_SLICE to two dimensions": (
        IMAGE,
        lambda n: n.strided_slice(0, [0, -3, 0, 0], [1, 0, 5, 3], gone=(1, 0)),
    ),
    "STRIDED_SLICE of a row": ((1, 9), lambda n: n.strided_slice(0, [0, 3], [1, 8])),
    "PAD of three dimensions": ((1, 4, 6), lambda n: n.pad(0, [(0, 1), (1, 2), (0, 3)])),
    "CONCATENATION of channels": (
        IMAGE,
        lambda n: n.concatenation(0, drawn(n, (1, 7, 5, 2), scale=n.scale(0), zero=n.zero(0)), 0),
    ),
    "CONCATENATION of rows": (IMAGE, lambda n: n.concatenation(0, columns(n), axis=1)),
    "CONCATENATION of columns": (IMAGE, lambda n: n.concatenation(rows(n), 0, axis=2)),
    "CONCATENATION of batches": (IMAGE, lambda n: n.concatenation(0, 0, axis=0)),
}
UNARY = {
    "RELU": (IMAGE, lambda n: n.unary("RELU", 0)),
    "RELU to a finer scale": (IMAGE, lambda n: n.unary("RELU", 0, scale=0.01, zero=-128)),
    "RELU6": (EVERY, lambda n: n.unary("RELU6", 0, scale=n.scale(0), zero=n.zero(0))),
    "RELU6 of 85.7 steps": (
        EVERY,
        lambda n: n.unary("RELU6", 0, scale=n.scale(0), zero=-100),
        {"scale": 0.07, "zero": -100},
    ),
    "RELU6, zero point 127": (
        EVERY,
        lambda n: n.unary("RELU6", 0, scale=n.scale(0), zero=127),
        {"zero": 127},
    ),
    "QUANTIZE": (EVERY, lambda n: n.quantize(0)),
    "QUANTIZE to a coarse scale": (EVERY, lambda n: n.quantize(0, scale=0.7)),
    "QUANTIZE to a fine scale": (EVERY, lambda n: n.quantize(0, scale=1e-4, zero=127)),
    "QUANTIZE to another zero point": (EVERY, lambda n: n.quantize(0, scale=0.05, zero=90)),
    **{
        f"{name} of scale {scale}": (
            EVERY,
            lambda n, name=name: n.unary(name, 0),
            {"scale": np.float32(scale), "zero": 7},
        )
        for name in ("LOGISTIC", "TANH")
        for scale in (1e-4, 0.005, 0.05, 0.3, 3.0, 8.0, 15.5)
    },
    **{
        f"HARD_SWISH from {scale} to {to}": (
            EVERY,
            lambda n, to=to: n.unary("HARD_SWISH", 0, scale=np.float32(to), zero=-11),
            {"scale": np.float32(scale), "zero": 7},
        )
        # The last two divide by 2^16 and more, which 16 bits do not hold.
        for scale, to in (
            (0.05, 0.05),
            (0.02, 0.1),
            (0.1, 0.03),
            (0.3, 0.3),
            (0.004, 0.01),
            (1.2e-4, 0.1),
            (3e-7, 0.1),
        )
    },
    **{
        f"SOFTMAX of scale {scale}": (
            (1, 12),
            lambda n: n.softmax(0),
            {"scale": np.float32(scale), "zero": 7},
        )
        for scale in (1e-4, 0.005, 0.05, 0.3, 3.0, 16.0, 100.0)
    },
    "SOFTMAX of many rows": ((1, 500, 7), lambda n: n.softmax(0)),
    "SOFTMAX, beta 1/4": ((1, 12), lambda n: n.softmax(0, beta=0.25)),
    "SOFTMAX of one class": ((1, 1), lambda n: n.softmax(0)),
    # More, all alike, are past what TFLite Micro can divide.
    "SOFTMAX of 511 classes": ((1, 511), lambda n: n.softmax(0), {"scale": 0.02}),
}
CASES = {
    name: case(name, shape, build, **(given[0] if given else {}))
    for table in (ELEMENTWISE, REDUCED, MOVED, UNARY)
    for name, (shape, build, *given) in table.items()
}
# TFLite's reference kernels treat the very middle of a curve otherwise when the scale is so coarse
# that all the rest of it is flat.
EXACT_IN_TFLITE = [name for name in CASES if not name.endswith(("of scale 8.0", "of scale 15.5"))]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return run_c(CASES, tmp_path_factory.mktemp("operators"))


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    return run_tflm(CASES, tmp_path_factory.mktemp("golden"))


@needs_compiler
@pytest.mark.parametrize("name", CASES)
def test_bytes_are_those_of_tflite_micro(name, outputs, golden):
    np.testing.assert_array_equal(outputs[name], golden[name])


@needs_compiler
@pytest.mark.parametrize("name", EXACT_IN_TFLITE)
def test_bytes_are_those_of_tflites_reference_kernels(name, outputs):
    np.testing.assert_array_equal(outputs[name], run_reference(CASES[name]))
