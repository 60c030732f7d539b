"""Conversions of type at the border of a model are taken off; what is left computes the same."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from c_models import Net
from hostile import mutated_bytes
from hypothesis import given
from hypothesis import strategies as st
from places import GOLDEN

from export.errors import ExportError
from export.tflite.ends import border_conversions, without_border_conversions
from export.tflite.graph import parse_graph
from export.tflite.quantization import dequantize, quantize

FLOAT_ENDS = (GOLDEN / "int8_float_io.tflite").read_bytes()


def stripped(content: bytes) -> bytes:
    return without_border_conversions(content, parse_graph(content, name="model"))


def run(content: bytes, value: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_a_network_with_float_ends_computes_the_same_without_them():
    content = stripped(FLOAT_ENDS)
    graph = parse_graph(content, name="stripped")
    source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    assert (source.dtype, result.dtype) == ("int8", "int8")
    features = np.random.default_rng(0).normal(size=source.shape).astype(np.float32)
    whole = run(FLOAT_ENDS, features)
    inner = run(content, quantize(features, source))
    np.testing.assert_array_equal(dequantize(inner, result), whole)


def test_weights_are_not_copied():
    assert len(stripped(FLOAT_ENDS)) < len(FLOAT_ENDS) + 2000
    assert stripped(FLOAT_ENDS).endswith(FLOAT_ENDS)


@pytest.mark.parametrize("name", ["int8.tflite", "float.tflite", "lstm.tflite"])
def test_a_model_without_conversions_at_its_ends_stays_as_it_is(name):
    content = (GOLDEN / name).read_bytes()
    assert stripped(content) is content


def test_a_conversion_from_int8_to_int8_is_a_layer():
    net = Net((1, 4))
    graph = parse_graph(net.model(net.quantize(0)), name="m")
    assert border_conversions(graph) == (None, None)


def test_a_conversion_whose_input_has_another_reader_stays():
    net = Net((1, 4))
    inner = net.quantize(0)
    net.quantize(0)
    net._tensors[0].type = 3  # uint8
    graph = parse_graph(net.model(net.unary("RELU", inner)), name="m")
    assert border_conversions(graph) == (None, None)


def test_a_conversion_from_uint8_is_taken_off():
    net = Net((1, 4))
    output = net.unary("RELU", net.quantize(0))
    net._tensors[0].type = 3
    content = net.model(output)
    graph = parse_graph(content, name="m")
    assert border_conversions(graph) == (0, None)
    inner = parse_graph(without_border_conversions(content, graph), name="inner")
    assert [op.name for op in inner.operators] == ["RELU"]
    assert inner.inputs == (1,)


@given(seed=st.randoms(use_true_random=False))
def test_damaged_copies_are_refused_or_made(seed):
    content = mutated_bytes(FLOAT_ENDS, seed)
    try:
        parse_graph(stripped(content), name="made")
    except ExportError as error:
        assert str(error).isprintable()
