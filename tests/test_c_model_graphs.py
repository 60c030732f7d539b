"""C of whole graphs: branches, reshapes at the ends, outputs that are read again; random ones."""

import numpy as np
import pytest
from c_model_run import needs_compiler, run_c, run_tflm
from c_models import case
from c_random_models import random_case
from hypothesis import given
from hypothesis import strategies as st

from export.c_code.model import generate
from export.tflite.graph import parse_graph

IMAGE = (1, 6, 5, 4)


def residual(net):
    inner = net.conv_2d(net.depthwise_conv_2d(0), channels=4, kernel=(1, 1))
    return net.fully_connected(net.mean(net.add(inner, 0), [1, 2]))


def read_again(net):
    """The output is the first of two convolutions; the second reads it."""
    output = net.conv_2d(0, channels=4, kernel=(1, 1))
    net.conv_2d(output, channels=4, kernel=(1, 1))
    return output


def read_again_in_another_shape(net):
    output = net.reshape(net.depthwise_conv_2d(0), (1, 120))
    net.softmax(output)
    return output


def squeeze(net):
    """A channel's weight, from the mean of all, in the place of what it weighs."""
    weights = net.unary("LOGISTIC", net.conv_2d(net.mean(0, [1, 2], keep_dims=True), channels=4))
    return net.mul(0, weights)


def late_input(net):
    """The model's input is read first and last."""
    inner = net.depthwise_conv_2d(net.depthwise_conv_2d(0))
    return net.concatenation(0, net.quantize(inner, scale=net.scale(0), zero=net.zero(0)))


def reshaped_between(net):
    """What is only another shape shares its memory with a tensor that is still needed."""
    inner = net.depthwise_conv_2d(0)
    flat = net.quantize(net.reshape(inner, (1, 120)))
    return net.concatenation(
        net.quantize(net.reshape(flat, IMAGE), scale=0.1, zero=3),
        net.quantize(inner, scale=0.1, zero=3),
    )


def wide_then_narrow(net):
    """The last layers work in place, but the caller's output has no room for the wide tensor."""
    wide = net.conv_2d(0, channels=9, kernel=(1, 1))
    return net.conv_2d(net.conv_2d(wide, channels=3, kernel=(1, 1)), channels=1, kernel=(1, 1))


BUILDS = {
    "a residual block": residual,
    "an output that is read again": read_again,
    "an output that is read again, reshaped": read_again_in_another_shape,
    "squeeze and excite": squeeze,
    "an input that is read late": late_input,
    "reshaped between": reshaped_between,
    "wide, then narrow": wide_then_narrow,
    "an input that is reshaped first": lambda net: net.softmax(net.reshape(0, (1, 120))),
    "an output that is reshaped last": lambda net: net.reshape(net.unary("TANH", 0), (1, 120)),
    "reshaped at both ends": lambda net: net.reshape(
        net.unary("RELU", net.reshape(0, (1, 120))), (1, 30, 1, 4)
    ),
    "only reshaped": lambda net: net.reshape(0, (1, 120)),
    "an input that is used three times": lambda net: net.concatenation(0, 0, 0),
}
CASES = {
    **{name: case(name, IMAGE, build) for name, build in BUILDS.items()},
    **{f"random {seed}": random_case(seed) for seed in range(40)},
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return run_c(CASES, tmp_path_factory.mktemp("graphs"))


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    return run_tflm(CASES, tmp_path_factory.mktemp("golden"))


@needs_compiler
@pytest.mark.parametrize("name", CASES)
def test_bytes_are_those_of_tflite_micro(name, outputs, golden):
    np.testing.assert_array_equal(outputs[name], golden[name])


@needs_compiler
def test_a_reshape_alone_gives_the_input_back(outputs):
    flat = CASES["only reshaped"].inputs.reshape(-1, 120)
    np.testing.assert_array_equal(outputs["only reshaped"], flat)


def test_random_models_cover_every_operator():
    """Those that the plain cases have: else the generator of models has lost one."""
    from export.c_code.model.kernels.registry import PORTABLE, RENAMING

    found = set()
    for name, each in CASES.items():
        if name.startswith("random"):
            found |= {op.name for op in parse_graph(each.model, name=name).operators}
    assert found == {*PORTABLE, *RENAMING}


@given(seed=st.integers(0, 2**32 - 1))
def test_the_same_model_gives_the_same_text(seed):
    model = random_case(seed).model
    assert generate(model) == generate(bytes(bytearray(model)))


@given(seed=st.integers(0, 2**32 - 1))
def test_every_layer_but_reshapes_has_one_function_with_its_shape(seed):
    model = random_case(seed).model
    made, graph = generate(model), parse_graph(model, name="random")
    kept = [op for op in graph.operators if op.name != "RESHAPE"]
    assert [layer.operator for layer in made.layers] == [op.name for op in kept]
    for layer, op in zip(made.layers, kept, strict=True):
        shape = graph.tensors[op.outputs[0]].shape
        assert layer.output_shape == shape
        assert made.source.count(f"\nstatic void {layer.function}(") == 1
        comment = made.source[: made.source.index(f"static void {layer.function}(")]
        comment = comment[comment.rindex(f"\n/* {op.name} ") :].splitlines()[1]
        assert "x".join(map(str, shape[1:])) in comment
