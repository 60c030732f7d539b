"""What has no C code is refused by the layer's name; hostile files are refused, soon."""

import random

import hostile
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from bounded_work import at_most
from c_models import VALID, Net
from c_random_models import random_case
from hypothesis import given
from hypothesis import strategies as st
from places import GOLDEN

from export.c_code.model import emit, generate
from export.c_code.model.ir import MAX_MODEL_BYTES
from export.errors import ExportError
from export.tflite.ends import without_border_conversions
from export.tflite.graph import parse_graph

IMAGE = (1, 6, 5, 4)
CASES = 400
MOST_CALLS = 1_000_000  # the C of an undamaged model here takes 70,000 at most


def refusal(model: bytes) -> str:
    with pytest.raises(ExportError) as caught:
        generate(model)
    return str(caught.value)


def net_of(build, shape=IMAGE, **given) -> bytes:
    net = Net(shape, **given)
    return net.model(build(net))


def edited(build, edit) -> bytes:
    """What `build` makes, and `edit` then changes."""
    net = Net(IMAGE)
    output = build(net)
    edit(net)
    return net.model(output)


def options(net):
    return net._operators[0].builtinOptions


def tensor(net, index):
    return net._tensors[index]


# --- layers ---


def conv(net):
    return net.conv_2d(0)


def dense(net):
    return net.fully_connected(0)


def whole(net):
    return net.strided_slice(0, [None] * 4, [None] * 4)


def set_backwards(net):
    net._buffers[3].data = np.frombuffer(np.array([1, 1, -1, 1], np.int32).tobytes(), np.uint8)


def set_stride(net):
    options(net).strideW = 0


def set_dilation(net):
    options(net).dilationHFactor = 2**20


def set_activation(net):
    options(net).fusedActivationFunction = schema.ActivationFunctionType.TANH


def set_padding(net):
    options(net).padding = VALID


def set_weights_zero_point(net):
    tensor(net, 1).quantization.zeroPoint = [0, 0, 1]


def set_weights_axis(net):
    tensor(net, 1).quantization.quantizedDimension = 3


def set_weights_computed(net):
    net._operators[0].inputs[1] = 0


def set_bias_length(net):
    tensor(net, 2).shape = [1]
    net._buffers[2].data = net._buffers[2].data[:4]


def set_coarse_weights(net):
    tensor(net, 1).quantization.scale = [2.0**40] * 3


def set_fine_output(net):
    tensor(net, 3).quantization.scale = [2.0**-33]


def set_finest_output(net):
    """2^30 steps to a step of the sum, which is always 0."""
    tensor(net, 0).quantization.scale, tensor(net, 1).quantization.scale = [0.5], [1.0] * 3
    tensor(net, 2).shape, net._buffers[2].data = [3], np.zeros(12, np.uint8)
    tensor(net, 3).quantization.scale = [2.0**-31]


def set_zero_point(net):
    tensor(net, 3).quantization.zeroPoint = [128]


def set_scales(net):
    tensor(net, 3).quantization.scale = [0.1, 0.1]


def set_shuffled(net):
    options(net).weightsFormat = 1


REFUSED = {
    "its stride is 0": edited(conv, set_stride),
    "its dilation is 1048576": edited(conv, set_dilation),
    "fused activation 4 is not known": edited(conv, set_activation),
    "gives 4 outputs, but the file says 6": edited(conv, set_padding),
    "its weights have a zero point": edited(conv, set_weights_zero_point),
    "its weights have 3 scales for 3 channels": edited(conv, set_weights_axis),
    "input 1 must be a constant of int8": edited(conv, set_weights_computed),
    "1 biases for 3 channels": edited(conv, set_bias_length),
    "its scales do not fit together": edited(conv, set_coarse_weights),
    "which 32 bits do not hold": edited(conv, set_fine_output),
    "a sum may reach 2147483648": edited(
        lambda net: net.conv_2d(0, values=np.zeros((3, 3, 3, 4), np.int8)), set_finest_output
    ),
    "zero point 128 is not int8": edited(conv, set_zero_point),
    "must be int8 with one scale": edited(conv, set_scales),
    "its weights are shuffled": edited(dense, set_shuffled),
    "it has a fused activation": edited(
        lambda net: net.concatenation(0, 0),
        lambda net: setattr(options(net), "fusedActivationFunction", 1),
    ),
    "its inputs differ in scale": edited(
        lambda net: net.concatenation(0, 0),
        lambda net: setattr(tensor(net, 1).quantization, "scale", [0.3]),
    ),
    "it has 65 inputs, 64 are supported": net_of(lambda net: net.concatenation(*[0] * 65)),
    "its inputs' shapes do not fit": edited(
        lambda net: net.add(0, 0), lambda net: setattr(tensor(net, 1), "shape", [1, 6, 5, 3])
    ),
    "all its inputs are constants": net_of(
        lambda net: net.add(*[net.constant(np.zeros((3,), np.int8), scale=0.1, zero=0)] * 2)
    ),
    "its output's scale is too fine for TFLM": net_of(lambda net: net.add(0, 0, scale=1e-9)),
    "its output's scale is too fine": net_of(lambda net: net.quantize(0, scale=1e-9)),
    "a sum may reach 32086425600": net_of(lambda net: net.mean(0, [1, 2], scale=1e-9)),
    "its axes [1, 3] are not neighbours": net_of(lambda net: net.mean(0, [1, 3])),
    "it has 5 dimensions, 4 are supported": net_of(
        lambda net: net.pad(0, [(1, 1)] * 5), (1, 2, 2, 2, 2)
    ),
    "it has an ellipsis": edited(whole, lambda net: setattr(options(net), "ellipsisMask", 1)),
    "it has a new axis": edited(whole, lambda net: setattr(options(net), "newAxisMask", 1)),
    "its strides are [1, 1, -1, 1]": edited(whole, set_backwards),
    "it takes [1, 6, 5, 4], but the file says [1, 6, 5, 3]": edited(
        whole, lambda net: setattr(tensor(net, 4), "shape", [1, 6, 5, 3])
    ),
    "which TFLite Micro refuses too": edited(
        lambda net: net.pool("MAX_POOL_2D", 0),
        lambda net: setattr(tensor(net, 1).quantization, "scale", [0.3]),
    ),
    "must be [1, height, width, channels]": edited(
        lambda net: net.pool("MAX_POOL_2D", 0),
        lambda net: setattr(tensor(net, 0), "shape", [2, 6, 5, 4]),
    ),
    "it has 512 classes, and TFLite Micro's sums hold 511. End the model before SOFTMAX": net_of(
        lambda net: net.softmax(0), (1, 512)
    ),
    "its beta is -1.0": net_of(lambda net: net.softmax(0, beta=-1.0)),
    "its input's scale 16 is too coarse": net_of(lambda net: net.unary("TANH", 0), scale=16.0),
    "zero point must be -128": edited(
        lambda net: net.unary("LOGISTIC", 0),
        lambda net: setattr(tensor(net, 1).quantization, "zeroPoint", [0]),
    ),
    "zero point must be 0": edited(
        lambda net: net.unary("TANH", 0),
        lambda net: setattr(tensor(net, 1).quantization, "zeroPoint", [1]),
    ),
    "its shapes differ in size": edited(
        lambda net: net.reshape(0, (1, 120)), lambda net: setattr(tensor(net, 2), "shape", [1, 119])
    ),
    "there is code for ADD, AVERAGE_POOL_2D, CONCATENATION, ": net_of(
        lambda net: net.layer("SQUARED_DIFFERENCE", [0, 0], net.tensor(IMAGE))
    ),
    "its output has a value already": edited(
        lambda net: net.add(0, 0), lambda net: net.layer("RELU", [0], 1)
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_layer_that_has_no_c_code_is_named_with_its_reason(reason):
    said = refusal(REFUSED[reason])
    assert reason in said
    assert " (layer 0, 't" in said or " (layer 1, 't" in said
    assert "cannot become C code: " in said


def test_all_missing_operators_are_named_at_once_each_at_its_first_layer():
    net = Net(IMAGE)
    x = net.layer("ABS", [0], net.tensor(IMAGE))
    x = net.layer("NEG", [net.layer("ABS", [x], net.tensor(IMAGE))], net.tensor(IMAGE))
    said = refusal(net.model(net.unary("RELU", x)))
    assert said.startswith("ABS (layer 0, 't1'), NEG (layer 2, 't3') cannot become C code: ")
    assert "keeps a state" not in said
    assert "pld-tf bench MODEL --target tflm" in said


def test_a_streaming_model_of_two_graphs_is_not_called_damaged(shared):
    model = (shared / "models" / "foreign" / "mww2_vad.tflite").read_bytes()
    said = refusal(without_border_conversions(model, parse_graph(model, name="m")))
    for name in ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"):
        assert f"{name} (layer " in said
    assert "It keeps a state from one run to the next." in said
    assert "damaged" not in said


def test_what_is_read_must_be_made_before():
    net = Net(IMAGE)
    late = net.tensor(IMAGE)
    output = net.layer("RELU", [late], net.tensor(IMAGE))
    net.layer("RELU", [0], late)
    assert "RELU (layer 0, 't2')" in refusal(net.model(output))
    assert "it reads tensor 1, which nothing has made" in refusal(net.model(output))


# --- models ---


def test_an_output_that_nothing_makes_is_refused():
    net = Net(IMAGE)
    net.unary("RELU", 0)
    assert "no operator of the .tflite makes its output" in refusal(net.model(net.tensor(IMAGE)))


@pytest.mark.parametrize("name", ["float.tflite", "lstm.tflite", "int8_float_io.tflite"])
def test_float_ends_are_refused(name):
    assert refusal((GOLDEN / name).read_bytes()) == (
        "the input of the .tflite must be int8 with a scale to become C code, got float32. "
        "Convert the model with full integer quantization and inference_input_type = int8."
    )


def test_sparse_weights_are_refused():
    model = edited(
        conv, lambda net: setattr(tensor(net, 1), "sparsity", schema.SparsityParametersT())
    )
    assert "tensor 't1' is stored sparse" in refusal(model)


def test_a_constant_input_is_refused():
    net = Net((1, 4))
    tensor(net, 0).buffer = 1
    output = net.add(0, net.constant(np.zeros(4, np.int8), scale=0.1, zero=0))
    assert "the input of the .tflite must be int8 with a scale" in refusal(net.model(output))


def test_a_model_of_two_inputs_is_refused():
    from tiny_tflite import add_of_two

    assert "must have one input and one output, got 2 and 1" in refusal(add_of_two([1, 4]))


def test_a_model_past_the_flash_of_any_device_is_refused():
    assert "at most 8388608" in refusal(bytes(MAX_MODEL_BYTES + 1))


@pytest.mark.parametrize("scale", [2.0**-61, 2.0**61])
def test_scales_past_all_reason_are_refused(scale):
    assert "must have scales of 2^-60 to 2^60" in refusal(
        net_of(lambda net: net.unary("RELU", 0), scale=scale)
    )


def layers_of_the_same_weights(layers: int, *, channels: int) -> bytes:
    net = Net((1, channels))
    weights = net.constant(np.full((channels, channels), 99, np.int8), scales=[0.01], axis=0)
    x = 0
    for _ in range(layers):
        made = net.tensor((1, channels), scale=100.0, zero=0)
        x = net.layer("FULLY_CONNECTED", [x, weights], made, schema.FullyConnectedOptionsT())
    return net.model(x)


def test_weights_that_layers_share_again_and_again_are_refused_soon(monkeypatch):
    """28 KB of text for each of a hundred layers: the fourth is the last that is written."""
    assert emit.MAX_TABLE_CHARACTERS == 64 * 2**20
    monkeypatch.setattr(emit, "MAX_TABLE_CHARACTERS", 100_000)
    written = []
    inner = emit._emit
    monkeypatch.setattr(emit, "_emit", lambda *given: written.append(1) or inner(*given))
    model = layers_of_the_same_weights(100, channels=64)
    assert "the constants take more than 100000 bytes" in refusal(model)
    assert len(written) == 4


# --- hostile bytes ---


def assert_written_or_refused(model: bytes) -> bool:
    """True when C is written; an error is one line that a person can use."""
    try:
        with at_most(MOST_CALLS):
            generate(model)
    except ExportError as error:
        assert str(error).isprintable()
        assert 20 < len(str(error)) < 2000
        return False
    return True


def test_damaged_copies_of_a_model_are_written_or_refused():
    """A failure names its number, and the number repeats it."""
    content = (GOLDEN / "int8.tflite").read_bytes()
    written = 0
    for number in range(CASES):
        rng = random.Random(number)
        written += assert_written_or_refused(hostile.mutated_bytes(content, rng))
    assert CASES // 20 < written < CASES * 19 // 20


def test_a_model_with_any_word_turned_into_a_far_offset_is_written_or_refused():
    """0x7FFE as an entry of a table of offsets, as a length, as a number."""
    content = net_of(lambda net: net.conv_2d(0, channels=1, kernel=(1, 1)), (1, 1, 1, 1))
    refused = 0
    for place in range(0, len(content) - 1, 2):
        changed = content[:place] + b"\xfe\x7f" + content[place + 2 :]
        refused += not assert_written_or_refused(changed)
    assert len(content) // 10 < refused < len(content) // 2


@given(model=st.integers(0, 100), mutation=st.integers(0, 2**32 - 1))
def test_damaged_random_models_are_written_or_refused(model, mutation):
    content = random_case(model).model
    assert_written_or_refused(hostile.mutated_bytes(content, random.Random(mutation)))
