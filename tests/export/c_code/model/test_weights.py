"""C of layers with weights: every byte as TFLite Micro's, under sanitizers and all warnings."""

import numpy as np
import pytest
from c_model_run import needs_compiler, run_c, run_reference, run_tflm
from c_models import VALID, Net, case

from export.c_code.model import generate

IMAGE = (1, 7, 5, 3)


def conv(name, shape=IMAGE, **given):
    return case(name, shape, lambda net: net.conv_2d(0, **given))


def depthwise(name, shape=IMAGE, **given):
    return case(name, shape, lambda net: net.depthwise_conv_2d(0, **given))


def dense(name, shape=(1, 33), **given):
    return case(name, shape, lambda net: net.fully_connected(0, **given))


def nearly_dead(layer, shift):
    """One channel's weights have a scale that much finer than the others'."""

    def build(net):
        output = layer(net)
        net._tensors[1].quantization.scale[1] *= 2.0**-shift
        net._tensors[2].quantization.scale[1] *= 2.0**-shift
        return output

    return build


def channel_without_scale(net):
    """As a converter may write one whose weights are all zero."""
    output = net.conv_2d(0)
    net._tensors[1].quantization.scale[1] = 0.0
    return output


# Sums of products of 127 with -128 go past 2^22, so two of them do not fit one 64 bit sum.
HIGH = np.full((2, 9, 4, 70), 127, np.int8)
HIGH_DEPTHWISE = np.full((1, 17, 17, 2), 127, np.int8)
CONVS = {
    "3x3": {},
    "strides 2x1": {"stride": (2, 1)},
    "strides past the window": {"kernel": (2, 2), "stride": (3, 4)},
    "dilation 2x3": {"shape": (1, 9, 9, 2), "dilation": (2, 3)},
    "dilation without padding": {"dilation": (3, 2), "padding": VALID},
    "1x5": {"kernel": (1, 5), "channels": 4},
    "5x1": {"kernel": (5, 1)},
    "even window": {"kernel": (4, 2), "stride": (2, 2)},
    "window larger than the input": {"shape": (1, 2, 3, 2), "kernel": (7, 5)},
    "pointwise": {"kernel": (1, 1), "channels": 2},
    "pointwise to more channels": {"kernel": (1, 1), "channels": 8},
    "pointwise with strides": {"kernel": (1, 1), "stride": (2, 2)},
    "one channel": {"channels": 1},
    "two channels": {"channels": 2},
    "one pixel": {"shape": (1, 1, 1, 6), "kernel": (1, 1)},
    "RELU": {"activation": "RELU"},
    "RELU6": {"activation": "RELU6"},
    "RELU of -1 to 1": {"activation": "RELU_N1_TO_1"},
    "no bias": {"bias": False},
    "one scale for all channels": {"per_channel": False},
    "multiplier above 1": {"coarse": 0.001},
    "multiplier of 2^0": {"coarse": 0.0015, "per_channel": False},
    "multiplier of 2^-22": {"coarse": 5e3},
    "multiplier of 2^-28": {"coarse": 3e5},
    "sums past 2^22": {"shape": (1, 9, 4, 70), "kernel": (9, 4), "values": HIGH, "channels": 2},
    "all weights zero": {"values": np.zeros((3, 3, 3, 3), np.int8)},
}
DEPTHWISES = {
    "3x3": {},
    "multiplier 3": {"multiplier": 3},
    "multiplier 2 and strides": {"multiplier": 2, "stride": (2, 2)},
    "strides 2x3": {"stride": (2, 3)},
    "dilation 2x2": {"dilation": (2, 2)},
    "dilation without padding": {"dilation": (3, 2), "padding": VALID},
    "1x5": {"kernel": (1, 5)},
    "9x1 over one column": {"shape": (1, 9, 1, 4), "kernel": (9, 1)},
    "one row, strides 2x2": {"shape": (1, 1, 6, 3), "stride": (2, 2)},
    "one row of one output": {"shape": (1, 1, 1, 2)},
    "to one pixel": {"kernel": (7, 5), "padding": VALID},
    "even window": {"kernel": (2, 4)},
    "RELU6": {"activation": "RELU6"},
    "no bias": {"bias": False},
    "one scale for all channels": {"per_channel": False},
    "multiplier above 1": {"coarse": 0.001},
    "sums past 2^22": {"shape": (1, 17, 17, 2), "kernel": (17, 17), "values": HIGH_DEPTHWISE},
}
DENSE = {
    "33 to 5": {},
    "no bias": {"bias": False},
    "one unit": {"units": 1},
    "one input": {"shape": (1, 1), "units": 7},
    "an image": {"shape": IMAGE},
    "rows kept": {"shape": (1, 6, 11), "keep_dims": True, "units": 9},
    "rows kept, fewer units": {"shape": (1, 3, 11), "keep_dims": True, "units": 4},
    "one scale for all channels": {"per_channel": False},
    "one scale, RELU": {"per_channel": False, "activation": "RELU"},
    "RELU6": {"activation": "RELU6"},
    "multiplier above 1": {"coarse": 0.001, "per_channel": False},
}
CASES = {
    f"{kind}, {name}": make(f"{kind}, {name}", **given)
    for kind, make, table in (
        ("conv", conv, CONVS),
        ("depthwise", depthwise, DEPTHWISES),
        ("dense", dense, DENSE),
    )
    for name, given in table.items()
}
NEARLY_DEAD = {
    "conv": (IMAGE, lambda net: net.conv_2d(0)),
    "depthwise": (IMAGE, lambda net: net.depthwise_conv_2d(0)),
    "dense": ((1, 33), lambda net: net.fully_connected(0)),
}
for _kind, (_shape, _layer) in NEARLY_DEAD.items():
    for _shift in (16, 19, 24, 40, -7, -10):  # past 22 bits, past 31, and to the left
        _name = f"{_kind}, a channel 2^-{_shift} as fine"
        CASES[_name] = case(_name, _shape, nearly_dead(_layer, _shift))
CASES["a channel without scale"] = case("a channel without scale", IMAGE, channel_without_scale)
# TFLite's reference kernel of FULLY_CONNECTED rounds once, where TFLite Micro rounds twice; and its
# convolutions cannot do without a bias.
EXACT_IN_TFLITE = [
    name for name in CASES if not name.startswith("dense") and not name.endswith("no bias")
]


@pytest.mark.parametrize("kind", NEARLY_DEAD)
def test_one_channel_does_not_make_a_layer_slow(kind):
    """Its sums are computed as others are; exact code rescales it, if it is not constant."""
    kernels = {"conv": "convolve", "depthwise": "convolve_depthwise", "dense": "multiply_row"}
    for shift, way in ((-10, "_each"), (16, ""), (40, "")):
        source = generate(CASES[f"{kind}, a channel 2^-{shift} as fine"].model).source
        assert f"    {kernels[kind]}{way}(" in source
        assert "_any(const" not in source or way
    assert "    convolve(" in generate(CASES["a channel without scale"].model).source


def test_a_dense_layer_of_one_row_needs_no_working_memory():
    net = Net((1, 4000))
    made = generate(net.model(net.fully_connected(0, units=4)))
    assert made.scratch_bytes == 16  # the least that any model has


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return run_c(CASES, tmp_path_factory.mktemp("weights"))


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
