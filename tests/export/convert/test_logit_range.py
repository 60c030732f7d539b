"""The int8 steps of the logits: where they begin, what changes, and what the kernels make of it."""

import math

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from c_models import Net
from hypothesis import given
from hypothesis import strategies as st
from tiny_tflite import add_of_two

from export.convert.logit_range import NEGLIGIBLE, narrow_logits
from export.tflite.graph import parse_graph

CLASSES = 5


def dense(*, scale: float, zero: int) -> tuple[bytes, int]:
    """A dense layer into logits of a wide range, and the index of its output."""
    net = Net((1, 8), seed=1)
    output = net.fully_connected(net.input, units=CLASSES)
    quantization = net._tensors[output].quantization
    quantization.scale, quantization.zeroPoint = [scale], [zero]
    return net.model(output), output


def quantization(content: bytes, tensor: int) -> tuple[float, int]:
    found = parse_graph(content, name="made").tensors[tensor]
    return found.scale, found.zero_point


def test_a_worked_range():
    """-138 * 0.5 = -69 to 117 * 0.5 = 58.5; the best logit is at least 2, and 2 - ln(32768) is
    -8.397: 66.897 in 255 steps of 0.26234, of which 32.008 lie below 0.
    """
    content, output = dense(scale=0.5, zero=10)
    logits = np.float32([[2, -60, 0, 1, 1], [40, 3, -70, 0, 0]])
    scale, zero_point = quantization(narrow_logits(content, logits), output)
    assert scale == pytest.approx((58.5 + 8.39721) / 255, rel=1e-6)
    assert zero_point == -128 + 32


def test_nothing_changes_but_scale_and_zero_point_of_the_output():
    content, output = dense(scale=0.5, zero=10)
    narrow = narrow_logits(content, np.zeros((1, CLASSES), np.float32))
    changed = np.flatnonzero(np.frombuffer(content, np.uint8) != np.frombuffer(narrow, np.uint8))
    assert len(content) == len(narrow)
    assert 0 < len(changed) <= 4 + 8
    before, after = parse_graph(content, name="made"), parse_graph(narrow, name="made")
    for tensor in range(len(before.tensors)):
        if tensor != output:
            assert before.tensors[tensor] == after.tensors[tensor]


@pytest.mark.parametrize(("scale", "zero"), [(0.05, -100), (0.05, 10)])
def test_a_range_that_is_narrow_already_stays(scale, zero):
    content, _ = dense(scale=scale, zero=zero)
    assert narrow_logits(content, np.full((3, CLASSES), -1.0, np.float32)) == content


def test_an_output_that_no_dense_layer_makes_stays():
    content = add_of_two([1, CLASSES])
    assert narrow_logits(content, np.full((1, CLASSES), 60.0, np.float32)) == content


@given(st.floats(-100, 100), st.floats(0.05, 2), st.integers(-128, 127))
def test_the_range_holds_zero_and_all_that_can_be_heard(best, scale, zero):
    content, output = dense(scale=scale, zero=zero)
    logits = np.full((2, CLASSES), best, np.float32)
    new_scale, new_zero = quantization(narrow_logits(content, logits), output)
    assert -128 <= new_zero <= 127
    assert new_scale <= np.float32(scale)
    lowest, highest = (-128 - new_zero) * new_scale, (127 - new_zero) * new_scale
    was_lowest, was_highest = (-128 - zero) * scale, (127 - zero) * scale
    assert lowest <= max(was_lowest, min(0, best - NEGLIGIBLE)) + new_scale
    assert highest == pytest.approx(was_highest, abs=new_scale)


def test_a_class_below_the_range_scores_less_than_one_of_32768():
    assert math.exp(-NEGLIGIBLE) == pytest.approx(1 / 32768)


def run(content: bytes, crops: np.ndarray) -> np.ndarray:
    """Logits as numbers, of the reference kernels."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (into,), (out_of,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero_point = out_of["quantization"]
    made = []
    for crop in crops:
        interpreter.set_tensor(into["index"], crop[None])
        interpreter.invoke()
        made.append(interpreter.get_tensor(out_of["index"])[0].astype(int) - zero_point)
    return np.array(made) * scale


def test_kernels_give_the_same_logits_in_finer_steps():
    crops = np.random.default_rng(0).integers(-128, 128, (200, 8)).astype(np.int8)
    exact = run(dense(scale=0.02, zero=0)[0], crops)  # fine, where it does not saturate
    wide, output = dense(scale=0.5, zero=60)
    logits = run(wide, crops)
    narrow = narrow_logits(wide, logits.astype(np.float32))
    scale, zero_point = quantization(narrow, output)
    assert scale < 0.45
    finer = run(narrow, crops)
    lowest = (-128 - zero_point) * scale
    inside = np.abs(exact) < 2.5
    assert inside.sum() > 20
    assert np.abs(finer - exact)[inside].max() <= scale / 2 + 0.011
    assert np.abs(finer - np.maximum(logits, lowest)).max() <= 0.25 + scale


def test_a_conversion_narrows_the_range(tmp_path):
    """Two classes from the mean m of the features, 10 m and -50 - m: the best one is at least 0."""
    import tf_keras

    from export.convert import converter
    from export.tflite.facts import inspect
    from pld_tf.model_bundle.freeze import freeze, save_model
    from pld_tf.system.files import write_npz

    inputs = tf_keras.Input((4, 2, 1))
    mean = tf_keras.layers.GlobalAveragePooling2D()(inputs)
    dense = tf_keras.layers.Dense(2)
    model = tf_keras.Model(inputs, dense(mean))
    dense.set_weights([np.float32([[10, -1]]), np.float32([0, -50])])
    means = np.linspace(0, 1.5, 16, dtype=np.float32)
    write_npz(tmp_path / "some.npz", features=np.tile(means[:, None, None], (1, 4, 2)))
    save_model(freeze(model, frames=4, bins=2), tmp_path / "saved_model")
    converter.convert(
        saved_model=tmp_path / "saved_model",
        representative=tmp_path / "some.npz",
        outputs={"int8": tmp_path / "int8.tflite"},
    )
    output = inspect(tmp_path / "int8.tflite").output
    assert output.scale == pytest.approx((15 + NEGLIGIBLE) / 255, rel=0.02)
    assert output.scale < (15 + 51.5) / 255 / 2
