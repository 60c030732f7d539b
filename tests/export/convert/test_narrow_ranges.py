"""Ranges of int8 activations: a few values saturate where that makes the steps of all finer."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from export.convert.narrow_ranges import least_error, narrow_ranges

layers = tf_keras.layers
pytestmark = pytest.mark.filterwarnings("ignore:Statistics for quantized inputs were expected")


def histogram(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    return np.histogram(values, 2048, (low, high))[0], low, high


def error(values: np.ndarray, low: float, high: float) -> float:
    """Mean square of what an int8 tensor of this range makes of values."""
    step = (high - low) / 255
    zero = np.round(-low / step)  # 0 is stored without error
    stored = np.clip(np.round(values / step) + zero, 0, 255)
    return float(np.mean(np.square((stored - zero) * step - values)))


def test_values_spread_evenly_need_all_of_their_range():
    counts, low, high = histogram(np.linspace(-1.0, 3.0, 10_000))
    assert least_error(counts, low, high) == (low, high)


def test_the_side_of_a_lone_outlier_is_cut():
    values = np.append(np.random.default_rng(0).normal(size=1_000_000), 20.0)
    counts, low, high = histogram(values)
    least, most = least_error(counts, low, high)
    assert low <= least < -3
    assert 5 < most < 12
    assert error(values, least, most) < 0.6 * error(values, low, high)


def test_no_range_is_cut_to_less_than_three_tenths():
    """A thousand million values near 0 for one at the far end, which must not cost them more."""
    counts = np.zeros(2048, np.int64)
    counts[:40], counts[-1] = 10**9, 1
    assert least_error(counts, 0.0, 10.0) == (0.0, 3.0)


def test_a_range_on_one_side_of_zero_stays_there():
    counts, low, high = histogram(np.random.default_rng(0).exponential(size=10_000))
    least, most = least_error(counts, low, high)
    assert least == 0.0
    assert 0 < most <= high


@pytest.mark.slow
@given(st.integers(0, 1000), st.sampled_from([1, 2, 3, 5]), st.floats(0.01, 100))
def test_no_narrower_range_of_the_grid_is_much_better(seed, power, scale):
    """The error by histogram against that of rounding every value, over all ranges tried."""
    drawn = np.random.default_rng(seed).normal(size=3000)
    values = scale * np.sign(drawn) * np.abs(drawn) ** power
    counts, low, high = histogram(values)
    least, most = least_error(counts, low, high)
    assert low <= least <= 0 <= most <= high
    shares = np.linspace(0.3, 1.0, 8)
    best = min(error(values, low * a, high * b) for a in shares for b in shares)
    assert error(values, least, most) <= 1.15 * best


def calibrated(model: tf_keras.Model, crops: np.ndarray) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([crop[None]] for crop in crops)
    converter._experimental_calibrate_only = True
    return converter.convert()


def ranges(content: bytes) -> dict[int, tuple[float, float]]:
    tensors = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0].tensors
    found = {number: tensor.quantization for number, tensor in enumerate(tensors)}
    return {
        number: (float(each.min[0]), float(each.max[0]))
        for number, each in found.items()
        if each is not None and each.min is not None
    }


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    drawn = np.random.default_rng(0).normal(size=(400, 6, 4))
    return drawn.astype(np.float32)


def test_only_what_lies_between_input_and_output_is_narrowed(crops):
    inputs = tf_keras.Input((6, 4), batch_size=1)
    x = layers.Dense(64, activation="relu")(inputs)
    model = tf_keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    content = calibrated(model, crops)
    before, after = ranges(content), ranges(narrow_ranges(content, crops[:, None]))
    graph = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0]
    ends = {int(graph.inputs[0]), int(graph.outputs[0])}
    assert all(after[end] == before[end] for end in ends)
    inner = set(before) - ends
    narrowed = [number for number in inner if after[number] != before[number]]
    assert narrowed
    for number in narrowed:
        assert after[number][0] == before[number][0] == 0.0
        assert 0.29 * before[number][1] < after[number][1] < before[number][1]


@pytest.mark.slow
def test_what_is_fed_back_keeps_its_range(crops):
    inputs = tf_keras.Input((6, 4), batch_size=1)
    model = tf_keras.Model(inputs, layers.Dense(2)(layers.LSTM(3)(inputs)))
    content = calibrated(model, crops)
    after = narrow_ranges(content, crops[:, None])
    graph = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0]
    fed_back = [number for number, tensor in enumerate(graph.tensors) if tensor.isVariable]
    assert fed_back
    assert all(ranges(after)[number] == ranges(content)[number] for number in fed_back)


def test_the_same_crops_give_the_same_bytes(crops):
    inputs = tf_keras.Input((6, 4), batch_size=1)
    content = calibrated(tf_keras.Model(inputs, layers.Dense(2)(layers.Dense(9)(inputs))), crops)
    assert narrow_ranges(content, crops[:, None]) == narrow_ranges(content, crops[:, None])
