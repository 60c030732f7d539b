"""Students with a memory, gates or weighed channels become int8 whole, and so do trained ones."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from trained_students import (
    BINS,
    CLASSES,
    FRAMES,
    crops,
    network,
    settle,
    train,
    weights_by_name,
)

from export.convert import converter
from export.layer_costs.match import match
from export.layer_costs.report import layer_report
from export.tflite import interpreter
from export.tflite.facts import inspect
from export.tflite.graph import read_graph
from export.tflite.quantization import dequantize, quantize
from firmware_harness.runtimes.tflm import run_model
from pld_tf import models
from pld_tf.distill.finish.qat import quantize_aware, require_quantizable
from pld_tf.distill.predict import predict_logits
from pld_tf.errors import PldError
from pld_tf.model_bundle.freeze import freeze, save_model
from pld_tf.models import cost
from pld_tf.models.layers.fused_lstm import FusedLstm
from pld_tf.models.layers.seeded_dropout import SeededDropout
from pld_tf.models.networks import highway
from pld_tf.models.seeding import set_seed
from pld_tf.system.files import write_npz

HAS_TFLM = importlib.util.find_spec("tflite_micro") is not None
needs_tflm = pytest.mark.skipif(not HAS_TFLM, reason="needs the extra tflm: tflite-micro")
layers = tf_keras.layers
# Share of the range of all logits that int8 may be off by, on crops that did not set the ranges.
BOUND = 0.02
# Narrow, so that they take seconds.
STUDENTS = {"lstm": ("S", 0.25), "highway": ("128", 0.125), "ds_cnn_se": ("S", 0.25)}
every_student = pytest.mark.parametrize("family", list(STUDENTS))


def convert(folder: Path, students: dict[str, tf_keras.Model]) -> None:
    """FAMILY.tflite and FAMILY_float.tflite of each, in one process."""
    jobs = []
    for family, model in students.items():
        save_model(freeze(model, frames=FRAMES, bins=BINS), folder / family / "saved_model")
        # Two sets of crops: the ranges are as wide as those of the crops that tests run.
        seen = np.concatenate([crops(seed) for seed in (0, 1)])[..., 0]
        write_npz(folder / family / "some.npz", features=seen)
        jobs.append(
            converter.Conversion(
                saved_model=folder / family / "saved_model",
                representative=folder / family / "some.npz",
                outputs={
                    "int8": folder / f"{family}.tflite",
                    "float": folder / f"{family}_float.tflite",
                },
            )
        )
    converter.convert_all(jobs)


@pytest.fixture(scope="module")
def students() -> dict[str, tf_keras.Model]:
    """Read-only."""
    return {family: settle(network(family, *STUDENTS[family])) for family in STUDENTS}


@pytest.fixture(scope="module")
def folder(students, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("students")
    convert(path, students)
    return path


def off_by(path: Path, logits: np.ndarray, seed: int) -> np.ndarray:
    """How far an int8 model on reference kernels is from `logits` of these crops.

    Logits too low for its output count as the lowest.
    """
    info = inspect(path)
    stored = quantize(crops(seed)[..., 0], info.input)
    found = interpreter.run(path, stored, resolver=interpreter.GOLDEN)
    lowest = dequantize(np.int8([-128]), info.output)
    return np.abs(dequantize(found, info.output) - np.maximum(logits, lowest))


# --- full int8 ---


@every_student
def test_no_operator_stays_float(folder, family):
    info = inspect(folder / f"{family}.tflite")
    assert info.float_operators == ()
    assert info.input.dtype == info.output.dtype == "int8"


@every_student
def test_int8_gives_the_floats_logits_within_a_stated_bound(folder, students, family):
    logits = predict_logits(students[family], crops(7))
    bound = BOUND * (logits.max() - logits.min())
    assert off_by(folder / f"{family}.tflite", logits, 7).max() <= bound
    # Scores that say nothing of the crop would be off by more.
    assert (logits.max(axis=0) - logits.min(axis=0)).min() > 2 * bound


@every_student
def test_the_float_twin_gives_the_students_logits(folder, students, family):
    found = interpreter.run(
        folder / f"{family}_float.tflite", crops(7)[..., 0], resolver=interpreter.FAST
    )
    np.testing.assert_allclose(found, predict_logits(students[family], crops(7)), atol=1e-4)


def test_an_lstm_is_one_operator_and_nothing_loops(folder):
    names = set(inspect(folder / "lstm.tflite").operators)
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in names
    assert names <= {
        "UNIDIRECTIONAL_SEQUENCE_LSTM", "RESHAPE", "STRIDED_SLICE", "FULLY_CONNECTED",
    }  # fmt: skip


@every_student
def test_macs_by_shapes_alone_are_those_of_the_converted_graph(folder, students, family):
    """Gates that are shared count each time, and an LSTM's matrices at each frame."""
    expected = inspect(folder / f"{family}.tflite").macs
    assert cost.macs(students[family], frames=FRAMES, bins=BINS) == expected


@pytest.mark.parametrize(("size", "million_operations"), [("S", 5.9), ("M", 18.9), ("L", 47.9)])
def test_an_lstm_costs_the_operations_that_hello_edge_reports(size, million_operations):
    """Two for each multiply-accumulate; 49 frames of 10 MFCC, 12 classes."""
    model = models.build(
        family="lstm", size=size, width=1.0, dropout=0.0, frames=None, bins=10, classes=12
    )
    macs = cost.macs(model, frames=49, bins=10)
    assert 2 * macs / 1e6 == pytest.approx(million_operations, rel=0.01)


def test_each_call_of_a_gate_that_layers_share_costs_macs(students):
    """12 frames make 3 positions of 16 units; a context of 15 frames, 9 layers and two gates."""
    context, layer = 15 * 10 * 16, 16 * 16
    macs = cost.macs(students["highway"], frames=FRAMES, bins=BINS)
    assert macs == 3 * (context + 9 * 3 * layer) + 16 * CLASSES


@needs_tflm
@every_student
def test_tflite_micro_runs_it_within_a_step_or_two_of_the_reference_kernels(folder, family):
    path = folder / f"{family}.tflite"
    stored = quantize(crops(7)[..., 0], inspect(path).input)
    found = run_model(path, stored)
    assert found is not None
    expected = interpreter.run(path, stored, resolver=interpreter.GOLDEN)
    assert np.abs(found.astype(int) - expected).max() <= 2


@needs_tflm
def test_tflite_micro_forgets_the_state_of_an_lstm_between_crops(folder):
    path = folder / "lstm.tflite"
    one, other = quantize(crops(7)[:2, ..., 0], inspect(path).input)
    found = run_model(path, np.stack([one, other, one]))
    assert found is not None
    np.testing.assert_array_equal(found[0], found[2])
    assert (found[0] != found[1]).any()


@every_student
def test_every_layer_has_a_twin_and_a_name_of_its_own(folder, family):
    paths = (folder / f"{family}_float.tflite", folder / f"{family}.tflite")
    found, unmatched = match(*map(read_graph, paths))
    assert unmatched == ()
    assert len({layer.name for layer in found}) == len(found)


def test_what_quantizing_an_lstm_costs_is_measured_with_all_its_matrices(folder):
    report = layer_report(
        folder / "lstm.tflite",
        float_model=folder / "lstm_float.tflite",
        features=crops(7)[..., 0],
        labels=np.zeros(32, np.int32),
    )
    weights = [each for each in report["tensors"] if each["what"] == "weights"]
    lstm = [each for each in weights if each["operator"] == "UNIDIRECTIONAL_SEQUENCE_LSTM"]
    assert len(lstm) == 8
    # A reshape rounds nothing, so that it costs nothing.
    assert {each["operator"] for each in report["layers"]} == {
        "", "UNIDIRECTIONAL_SEQUENCE_LSTM", "FULLY_CONNECTED",
    }  # fmt: skip


def test_an_lstm_saved_twice_has_the_same_bytes(students, tmp_path):
    for name in ("one", "other"):
        save_model(freeze(students["lstm"], frames=FRAMES, bins=BINS), tmp_path / name)
    one, other = (tmp_path / name / "saved_model.pb" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


# --- the LSTM itself ---


def twins(units: int = 5) -> tuple[FusedLstm, tf_keras.layers.LSTM]:
    """Ours and Keras' own, of the same random weights."""
    ours, keras = FusedLstm(units), layers.LSTM(units)
    rng = np.random.default_rng(3)
    for layer in (ours, keras):
        layer.build((None, 7, 3))
    weights = [rng.normal(size=weight.shape).astype(np.float32) for weight in keras.get_weights()]
    for layer in (ours, keras):
        layer.set_weights(weights)
    return ours, keras


SEQUENCES = np.random.default_rng(4).normal(size=(6, 7, 3)).astype(np.float32)


def test_fused_lstm_is_keras_lstm():
    ours, keras = twins()
    np.testing.assert_allclose(ours(SEQUENCES), keras(SEQUENCES), atol=1e-6)


def test_its_gradient_is_that_of_keras_in_every_weight_and_input():
    gradients = []
    for layer in twins():
        inputs = tf.Variable(SEQUENCES)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(inputs) ** 3)
        gradients.append(tape.gradient(loss, [inputs, *layer.trainable_weights]))
    for ours, keras in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, keras, rtol=1e-4, atol=1e-5)


def test_its_weights_begin_as_those_of_keras_with_an_open_forget_gate():
    layer = FusedLstm(5)
    layer.build((None, 7, 3))
    assert [weight.shape for weight in layer.get_weights()] == [(3, 20), (5, 20), (20,)]
    assert layer.bias.numpy().tolist() == [0] * 5 + [1] * 5 + [0] * 10
    recurrent = layer.recurrent_kernel.numpy()
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(5), atol=1e-5)


def test_a_step_of_training_moves_every_weight_of_an_lstm_student():
    model = network("lstm", "S", 0.1)
    before = model.get_weights()
    train(model, steps=1)
    for weight, now in zip(before, model.get_weights(), strict=True):
        assert (weight != now).any()


@pytest.mark.parametrize("family", ["lstm", "highway", "ds_cnn_se"])
def test_a_student_survives_its_own_configuration(family):
    model = network(family, *STUDENTS[family])
    again = tf_keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(predict_logits(again, crops(7)), predict_logits(model, crops(7)))


@pytest.mark.parametrize("whole_channels", [False, True])
def test_dropout_comes_back_from_its_configuration_and_draws_the_same_masks(whole_channels):
    set_seed(1)
    layer = SeededDropout(0.4, whole_channels=whole_channels, name="drop")
    again = SeededDropout.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    inputs = np.ones((2, 6, 5, 4), np.float32)
    for each in (layer, again):
        each.build(inputs.shape)
    again.set_weights(layer.get_weights())
    dropped = layer(inputs, training=True).numpy()
    np.testing.assert_array_equal(dropped, again(inputs, training=True))
    channels = dropped.reshape(2, 30, 4)
    assert (channels == channels[:, :1]).all() == whole_channels


# --- quantization-aware training ---


def test_an_lstm_is_refused_by_the_name_of_its_layer():
    model = network("lstm", "S", 0.1)
    (name,) = [layer.name for layer in model.layers if isinstance(layer, FusedLstm)]
    with pytest.raises(PldError, match=rf"does not take layer {name} \(FusedLstm\) of lstm"):
        require_quantizable(model)


@pytest.mark.slow
@pytest.mark.parametrize("family", [name for name in models.names.SIZES if name != "lstm"])
def test_every_family_without_an_lstm_takes_it(family):
    size = models.names.SIZES[family][0]
    require_quantizable(network(family, size, 0.1))


@pytest.mark.slow
def test_a_gates_range_begins_with_what_it_gets_before_its_sigmoid_in_all_its_calls(monkeypatch):
    """Two layers share the gate; a sigmoid's own range is fixed."""
    monkeypatch.setattr(highway, "LAYERS", 3)
    student = network("highway", "128", 0.0625)
    model = quantize_aware(student, [crops()])
    found = weights_by_name(model, "quant_carry_gate")
    gate = student.get_layer("carry_gate")
    calls = tf_keras.Model(student.input, [gate.get_output_at(call) for call in (0, 1)])
    outputs = np.concatenate([each.numpy().ravel() for each in calls(crops())]).astype(np.float64)
    before = np.log(outputs / (1 - outputs))
    assert found["pre_activation_min"] == pytest.approx(min(before.min(), 0), rel=1e-3)
    assert found["pre_activation_max"] == pytest.approx(max(before.max(), 0), rel=1e-3)


@pytest.mark.slow
def test_of_a_student_trained_with_rounding_each_layers_cost_is_against_no_rounding(tmp_path):
    """Its float twin rounds as training did; against that a layer alone would cost nothing."""
    family = "ds_cnn_se"
    model = quantize_aware(settle(network(family, *STUDENTS[family])), [crops()])
    train(model, steps=1)
    convert(tmp_path, {family: model})
    assert "QUANTIZE" in inspect(tmp_path / f"{family}_float.tflite").operators
    report = layer_report(
        tmp_path / f"{family}.tflite",
        float_model=tmp_path / f"{family}_float.tflite",
        features=crops(7)[..., 0],
        labels=np.zeros(32, np.int32),
    )
    assert all(each["divergence"] > 0 for each in report["layers"])
    assert {each["operator"] for each in report["tensors"] if each["what"] == "weights"} == {
        "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED",
    }  # fmt: skip
