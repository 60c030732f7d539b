"""Scales whose product or quotient in 32 bits gives another output byte than in 64 bits.

TFLite Micro decides which is right. Each case has one input that tells them apart.
"""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_model_run import needs_compiler, run_c, run_tflm
from c_models import Case, Net

from export.c_code.model.requantize import multiplier, single

EVERY = np.arange(-128, 128).astype(np.int8)
# Found by search: steps of one value or sum, and the two scales that make its factor.
UNARY = {"input": 0.02174999937415123, "output": 0.029999999329447746}
PRODUCT = {
    "input": 0.05999999865889549, "weights": 0.017794044688344002, "output": 0.23999999463558197,
}  # fmt: skip
LARGEST = np.full(1, 127, np.int8)


def to_values(net: Net, output: int) -> Case:
    """All int8 values at once."""
    net._tensors[output].quantization.zeroPoint = [0]
    shape = net.shapes[net.input]
    inputs = np.repeat(EVERY, np.prod(shape[1:]) // 256).reshape(1, *shape)
    return Case(model=net.model(output), inputs=inputs)


def unary(name: str) -> Case:
    net = Net((1, 256), scale=UNARY["input"], zero=0)
    given = {"scale": UNARY["output"], "zero": 0}
    return to_values(
        net, net.quantize(0, **given) if name == "QUANTIZE" else net.unary(name, 0, **given)
    )


def hard_swish(scale: float, to: float) -> Case:
    net = Net((1, 256), scale=scale, zero=0)
    return to_values(net, net.unary("HARD_SWISH", 0, scale=to, zero=0))


def limited(name: str) -> Case:
    """6 / scale is 24.5 in 32 bits, and a little less in 64."""
    scale = 0.2448979616165161
    net = Net((1, 256), scale=scale, zero=0)
    if name == "RELU6":
        return to_values(net, net.unary("RELU6", 0, scale=scale, zero=0))
    zeros = net.constant(np.zeros((1, 256), np.int8), scale=scale, zero=0)
    return to_values(net, net.add(0, zeros, scale=scale, activation="RELU6"))


def mul() -> Case:
    net = Net((1, 256), scale=0.09000000357627869, zero=0)
    other = net.constant(EVERY.reshape(1, 256), scale=0.027225257828831673, zero=0)
    return to_values(net, net.mul(0, other, scale=0.28999999165534973))


def add() -> Case:
    net = Net((1, 256), scale=0.15000000596046448, zero=0)
    other = net.constant(np.full((1, 256), -37, np.int8), scale=0.12999999523162842, zero=0)
    return to_values(net, net.add(0, other, scale=0.22898878157138824))


def mean() -> Case:
    """Of 20 times 100 and once 99."""
    net = Net((1, 21, 1, 1), scale=0.03999999910593033, zero=0)
    output = net.mean(0, [1, 2], scale=0.062016017735004425)
    net._tensors[output].quantization.zeroPoint = [0]
    values = np.full((1, 1, 21, 1, 1), 100, np.int8)
    values[0, 0, 3] = 99
    return Case(model=net.model(output), inputs=values)


def product(name: str, *, per_channel: bool) -> Case:
    """One weight of 127 for all int8 values, in two channels."""
    options = {
        "CONV_2D": schema.Conv2DOptionsT,
        "DEPTHWISE_CONV_2D": schema.DepthwiseConv2DOptionsT,
        "FULLY_CONNECTED": schema.FullyConnectedOptionsT,
    }[name]()
    channels = 2 if name == "DEPTHWISE_CONV_2D" else 1
    shape = {"CONV_2D": (2, 1, 1, 1), "DEPTHWISE_CONV_2D": (1, 1, 1, 2), "FULLY_CONNECTED": (2, 1)}
    if name == "FULLY_CONNECTED":
        options.keepNumDims = True
    else:
        if channels == 2:
            options.depthMultiplier = 1
        options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    net = Net((1, 256, 1, channels), scale=PRODUCT["input"], zero=0)
    weights = net.constant(
        np.tile(LARGEST, 2).reshape(shape[name]),
        scales=[PRODUCT["weights"]] * (2 if per_channel else 1),
        axis=3 if channels == 2 else 0,
    )
    output = net.tensor((1, 256, 1, 2), scale=PRODUCT["output"], zero=0)
    bias = net.constant(
        np.zeros(2, np.int32), scales=[PRODUCT["input"] * PRODUCT["weights"]] * (1 + per_channel)
    )
    return to_values(net, net.layer(name, [0, weights, bias], output, options))


CASES = {
    "RELU": unary("RELU"),
    "QUANTIZE": unary("QUANTIZE"),
    "HARD_SWISH": hard_swish(0.19494929909706116, 0.1541343629360199),
    "HARD_SWISH to a coarser scale": hard_swish(0.0356309600174427, 0.18992745876312256),
    "RELU6": limited("RELU6"),
    "a fused RELU6": limited("fused"),
    "MUL": mul(),
    "ADD": add(),
    "MEAN": mean(),
    **{
        f"{name}, {'a scale each channel' if per_channel else 'one scale'}": product(
            name, per_channel=per_channel
        )
        for name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
        for per_channel in (True, False)
    },
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return run_c(CASES, tmp_path_factory.mktemp("scales"))


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    return run_tflm(CASES, tmp_path_factory.mktemp("golden"))


@needs_compiler
@pytest.mark.parametrize("name", CASES)
def test_scales_are_combined_as_tflite_micro_does_it(name, outputs, golden):
    np.testing.assert_array_equal(outputs[name], golden[name])


def test_the_cases_tell_32_bits_from_64():
    scale, to = UNARY["input"], UNARY["output"]
    assert multiplier(scale / to).apply(100) != multiplier(single(scale / to)).apply(100)
    exact = PRODUCT["input"] * PRODUCT["weights"]
    wide, narrow = (multiplier(each / PRODUCT["output"]) for each in (exact, single(exact)))
    assert wide.apply(100 * 127) != narrow.apply(100 * 127)
