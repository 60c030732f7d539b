"""Between values and integers, on numbers worked by hand and beside TFLite's own kernel."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given
from hypothesis import strategies as st
from places import GOLDEN

from export.tflite.quantization import (
    Quantization,
    dequantize,
    in_steps,
    least_and_most,
    most_steps_apart,
    quantize,
    reachable,
)

INT8 = Quantization(dtype="int8", scale=0.5, zero_point=-3)


@given(st.floats(-1e4, 1e4, width=32), st.floats(2**-10, 8, width=32), st.integers(-128, 127))
def test_quantize_rounds_halves_away_from_zero_and_clips(value, scale, zero_point):
    tensor = Quantization(dtype="int8", scale=scale, zero_point=zero_point)
    quotient = np.float32(value) / np.float32(scale)
    # Decimal's ROUND_HALF_UP means away from zero.
    steps = int(Decimal(float(quotient)).quantize(Decimal(1), ROUND_HALF_UP))
    expected = min(127, max(-128, steps + zero_point))
    assert quantize(np.float32([value]), tensor).tolist() == [expected]


@given(st.integers(-128, 127))
def test_every_stored_value_survives_there_and_back(stored):
    there = dequantize(np.int8([stored]), INT8)
    assert there.tolist() == [(stored + 3) * 0.5]
    assert quantize(there, INT8).tolist() == [stored]


@given(st.floats(0.001, 10), st.integers(-128, 127), st.integers(-128, 127))
def test_the_way_to_real_numbers_and_back_loses_nothing_of_any_scale(scale, zero_point, stored):
    tensor = Quantization(dtype="int8", scale=scale, zero_point=zero_point)
    assert quantize(dequantize(np.int8([stored]), tensor), tensor).tolist() == [stored]


def test_values_beyond_the_range_are_cut_off():
    wide = Quantization(dtype="int16", scale=0.5, zero_point=0)
    assert quantize(np.float32([-1e9, 1e9]), wide).tolist() == [-32768, 32767]


@pytest.mark.parametrize(("dtype", "scale"), [("float32", 0.0), ("float32", 0.5), ("int32", 0.0)])
def test_a_tensor_that_is_not_quantized_takes_values_as_they_are(dtype, scale):
    tensor = Quantization(dtype=dtype, scale=scale, zero_point=0)
    values = np.float32([0.3, -7])
    assert quantize(values, tensor) is values
    assert dequantize(values, tensor) is values
    assert reachable(values, tensor) is values
    assert in_steps(values, tensor).tolist() == values.tolist()
    assert most_steps_apart(np.float32([1.0]), np.float32([-2.5]), tensor) == 3.5


def test_the_ends_of_a_tensor_are_its_lowest_and_highest_integer():
    least, most = least_and_most("int8", scale=0.5, zero_point=-3)
    assert (least, most) == ((-128 + 3) * 0.5, (127 + 3) * 0.5)


def test_only_floats_below_the_lowest_value_are_out_of_reach():
    assert reachable(np.float32([-63, -62, 100]), INT8).tolist() == [-62.5, -62, 100]
    assert reachable(np.int8([-128]), INT8).tolist() == [-128]


def test_quantizing_equals_tflites_own_quantize_operator():
    interpreter = Interpreter(
        str(GOLDEN / "int8_float_io.tflite"),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    (operator,) = [o for o in interpreter._get_ops_details() if o["op_name"] == "QUANTIZE"]
    index = operator["outputs"][0]
    detail = next(d for d in interpreter.get_tensor_details() if d["index"] == index)
    scale, zero_point = detail["quantization"]
    tensor = Quantization(dtype="int8", scale=scale, zero_point=zero_point)
    halves = (np.arange(24 * 20, dtype=np.float32) / 2 - 120) * np.float32(scale)
    for values in halves.reshape(20, 1, 6, 4, 1):
        interpreter.set_tensor(given["index"], values)
        interpreter.invoke()
        found = interpreter.get_tensor(index)
        np.testing.assert_array_equal(found, quantize(values, tensor))
