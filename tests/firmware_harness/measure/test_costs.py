import pytest
from places import GOLDEN, SHARED

from firmware_harness.bundle.read import read_tflite
from firmware_harness.measure.costs import model_costs
from firmware_harness.runtimes.interpreter import Model, Operator, TensorInfo

SHARED = SHARED / "models"


def costs_of(path):
    model = Model(read_tflite(path), resolver="reference")
    inputs = frozenset(info.index for info in model.inputs)
    return model_costs(operators=model.operators(), tensors=model.tensors(), inputs=inputs)


def tensor(index, shape, dtype="float32", quantized=False):
    return TensorInfo(
        index=index, shape=shape, dtype=dtype, scale=0.0, zero_point=0, quantized=quantized
    )


def count(operators, tensors, inputs=(0,)):
    named = {info.index: info for info in tensors}
    return model_costs(operators=operators, tensors=named, inputs=frozenset(inputs))


@pytest.mark.parametrize("name", ["float.tflite", "int8.tflite", "int8_float_io.tflite"])
def test_macs_and_parameters_of_a_conv_net_are_those_worked_by_hand(name):
    costs = costs_of(GOLDEN / name)
    conv, depthwise, dense = (6 * 4 * 3) * 9, (4 * 2 * 3) * 9, 3 * 3
    assert costs.macs == conv + depthwise + dense
    assert costs.parameters == (27 + 3) + (27 + 3) + (9 + 3)


def test_operators_are_counted_in_order_of_first_use():
    expected = (("CONV_2D", 1), ("DEPTHWISE_CONV_2D", 1), ("MEAN", 1), ("FULLY_CONNECTED", 1))
    assert costs_of(GOLDEN / "int8.tflite").operators == expected


def test_an_lstm_costs_its_eight_matrices_in_each_frame():
    frames, gates, units, bins, classes = 5, 4, 3, 4, 2
    expected = frames * gates * units * (bins + units) + units * classes
    assert costs_of(GOLDEN / "lstm.tflite").macs == expected


def test_the_state_of_an_lstm_is_no_parameter():
    """Three of the four gates share one stored bias of zeros; the fourth is Keras's ones."""
    matrices, biases, dense = 4 * 3 * (4 + 3), 2 * 3, 3 * 2
    assert costs_of(GOLDEN / "lstm.tflite").parameters == matrices + biases + dense


def test_an_operator_is_given_its_inputs_in_its_own_order():
    tensors = [
        tensor(1, (4,), "int32"),
        tensor(2, (7, 3, 3, 5)),
        tensor(0, (1, 4, 4, 5)),
        tensor(3, (1, 8, 8, 7)),
    ]
    node = Operator(name="TRANSPOSE_CONV", inputs=(1, 2, 0), outputs=(3,))
    costs = count((node,), tensors)
    assert costs.macs == (4 * 4) * 3 * 3 * 5 * 7
    assert costs.parameters == 7 * 3 * 3 * 5


def test_a_constant_used_twice_is_one_constant():
    tensors = [tensor(0, (1, 3)), tensor(1, (3,)), tensor(2, (1, 3)), tensor(3, (1, 3))]
    nodes = (
        Operator(name="MUL", inputs=(0, 1), outputs=(2,)),
        Operator(name="ADD", inputs=(2, 1), outputs=(3,)),
    )
    costs = count(nodes, tensors)
    assert (costs.parameters, costs.macs) == (3, 0)


def test_quantized_integers_are_parameters_and_plain_integers_are_not():
    tensors = [
        tensor(0, (1, 3)),
        tensor(1, (2,), "int32"),
        tensor(2, (5,), "int8", quantized=True),
        tensor(3, (1, 3)),
    ]
    node = Operator(name="CUSTOM", inputs=(0, 1, 2), outputs=(3,))
    assert count((node,), tensors).parameters == 5


def test_the_mlperf_tiny_keyword_model_has_its_published_costs():
    path = SHARED / "mlperf_tiny_kws_ref_model.tflite"
    if not path.is_file():
        pytest.skip("the MLPerf Tiny model is not beside the repository, in ../shared/models")
    costs = costs_of(path)
    assert costs.macs == 2_656_768
    assert costs.parameters == 22_604
    assert path.stat().st_size == 53_936
