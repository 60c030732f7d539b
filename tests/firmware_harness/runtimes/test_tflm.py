"""TFLite Micro on this machine: arena, outputs, and models that end its process."""

import dataclasses
import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import tiny_tflite
from places import GOLDEN

from firmware_harness.bench.tflm import tflm_target
from firmware_harness.bundle.read import ModelFile, open_bundle, read_tflite
from firmware_harness.errors import HarnessError
from firmware_harness.measure.inputs import random_inputs
from firmware_harness.runtimes import tflm
from firmware_harness.runtimes.interpreter import Interpreter, Model, OpResolverType

HAS_TFLM = importlib.util.find_spec("tflite_micro") is not None
needs_tflm = pytest.mark.skipif(not HAS_TFLM, reason="needs the extra tflm: tflite-micro")


def load(name="int8.tflite", content=None):
    if content is None:
        return Model(read_tflite(GOLDEN / name), resolver="reference")
    return Model(ModelFile(name=name, content=content), resolver="reference")


@needs_tflm
def test_a_larger_model_needs_a_larger_arena_and_its_parts_fit_in():
    arena = tflm.measure_arena(load())
    assert arena.bytes % 16 == 0
    # The plan itself takes memory while it is made, so that the sum of the parts is too little.
    assert 0 < arena.head_bytes + arena.tail_bytes <= arena.bytes < 4096
    assert 0 < sum(arena.parts.values()) <= arena.tail_bytes
    # 6 x 4 inputs and 6 x 4 x 3 activations of 1 byte live at once.
    assert arena.head_bytes >= 6 * 4 + 6 * 4 * 3
    wider = tflm.measure_arena(load(content=tiny_tflite.add_of_two([1, 5000])))
    assert wider.head_bytes >= 10_000 > arena.bytes


@needs_tflm
def test_the_smallest_arena_works_and_a_smaller_one_does_not():
    model = load()
    arena = tflm.measure_arena(model)
    program = (
        "import sys\n"
        "from tflite_micro.python.tflite_micro import runtime\n"
        "content = open(sys.argv[1], 'rb').read()\n"
        "runtime.Interpreter.from_bytes(content, arena_size=int(sys.argv[2]))\n"
    )
    path = str(GOLDEN / "int8.tflite")
    codes = [
        subprocess.run(
            [sys.executable, "-c", program, path, str(size)], capture_output=True
        ).returncode
        for size in (arena.bytes, arena.bytes - 16)
    ]
    assert codes[0] == 0 != codes[1]


@needs_tflm
def test_the_arena_is_the_same_when_measured_again():
    assert tflm.arena_of_file(GOLDEN / "int8.tflite") == tflm.arena_of_file(GOLDEN / "int8.tflite")


@needs_tflm
def test_two_inputs_of_any_shape_are_added_as_on_paper():
    """Equal scales: (a + 3) / 2 + (b + 3) / 2 in steps of a half, so a + b + 3."""
    model = load(content=tiny_tflite.add_of_two([1, 2, 3]))
    one = np.arange(12, dtype=np.int8).reshape(2, 1, 2, 3)
    other = np.full((2, 1, 2, 3), 7, np.int8)
    (found,) = tflm.run_tflm(model, [one, other]).outputs
    np.testing.assert_array_equal(found, one + 10)


@needs_tflm
def test_an_operator_that_tflm_lacks_ends_in_one_line_that_names_it():
    model = load("tile.tflite", tiny_tflite.tile())
    assert model.run([np.array([[1, 2]], np.int8)]).tolist() == [[1, 2, 1, 2]]
    with pytest.raises(HarnessError, match=r"cannot run tile\.tflite: .*TILE") as error:
        tflm.measure_arena(model)
    assert "\n" not in str(error.value)


@needs_tflm
def test_a_model_that_kills_its_process_is_named_with_the_signal(monkeypatch):
    def die(*_, **__):
        return subprocess.CompletedProcess([], -11, stdout="", stderr="out of arena\n")

    monkeypatch.setattr(tflm, "run_module", die)
    with pytest.raises(HarnessError, match=r"killed by SIGSEGV; its last lines: out of arena"):
        tflm.measure_arena(load())


@needs_tflm
def test_a_recurrent_model_forgets_between_inputs():
    model = load("lstm.tflite")
    value = np.random.default_rng(2).standard_normal((1, 1, 5, 4)).astype(np.float32)
    (found,) = tflm.run_tflm(model, [np.concatenate([value, 9 * value, value])]).outputs
    np.testing.assert_array_equal(found[0], found[2])
    assert (found[0] != found[1]).any()


@needs_tflm
def test_convolutions_depthwise_and_mean_equal_the_reference_kernels(tmp_path):
    """All but the dense layer at the end; whatever differs there is explained and counted."""
    path = tmp_path / "int8.tflite"
    path.write_bytes((GOLDEN / "int8.tflite").read_bytes())
    target = tflm_target(open_bundle(path), load())
    assert (target["inputs"], target["inputs_from"]) == (200, {"random": 200})
    assert target["compared_bytes"] == 200 * 3
    assert set(target["mismatches_by_steps"]) <= {"1"}
    assert target["mismatched_bytes"] == target["mismatches_by_steps"].get("1", 0) <= 6


@needs_tflm
def test_fully_connected_is_rounded_twice_by_tflm_and_once_by_tflite():
    """The rule that explains differences, worked out with whole numbers for the last layer."""
    model = load()
    inputs = random_inputs(model.inputs, 1000)
    expected = np.stack([model.run([crop]) for crop in inputs[0]])[:, 0]
    found = tflm.run_tflm(model, inputs).outputs[0][:, 0]
    assert (expected != found).any()
    accumulators, multipliers, zero_point = last_layer(inputs[0])
    for outputs, rescale in ((expected, rounded_once), (found, rounded_twice)):
        by_hand = [
            [rescale(int(value), *each) for value, each in zip(row, multipliers, strict=True)]
            for row in accumulators
        ]
        np.testing.assert_array_equal(np.clip(np.array(by_hand) + zero_point, -128, 127), outputs)


def last_layer(crops):
    """Sums of the dense layer, and (multiplier, exponent) and zero point that rescale them."""
    interpreter = Interpreter(
        model_path=str(GOLDEN / "int8.tflite"),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    layer = interpreter._get_ops_details()[-1]
    details = {each["index"]: each for each in interpreter.get_tensor_details()}
    data, weights, bias = (details[index] for index in layer["inputs"])
    result = details[layer["outputs"][0]]
    activations = []
    for crop in crops:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], crop)
        interpreter.invoke()
        activations.append(interpreter.get_tensor(data["index"]).ravel().astype(np.int64))
    centred = np.array(activations) - data["quantization"][1]
    sums = centred @ interpreter.get_tensor(weights["index"]).astype(np.int64).T
    sums += interpreter.get_tensor(bias["index"])
    scales = weights["quantization_parameters"]["scales"].astype(np.float64)
    reals = np.float64(data["quantization"][0]) * scales / np.float64(result["quantization"][0])
    return sums, [fixed_point(real) for real in reals], result["quantization"][1]


def fixed_point(real):
    """A number as a fraction of 31 bits and a power of two; source: TFLite's QuantizeMultiplier."""
    fraction, exponent = np.frexp(real)
    return round(float(fraction) * 2**31), int(exponent)


def rounded_once(value, multiplier, exponent):
    shift = 31 - exponent
    return (value * multiplier + (1 << (shift - 1))) >> shift


def rounded_twice(value, multiplier, exponent):
    """Source: gemmlowp's SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT."""
    product = value * multiplier
    nudged = product + (1 << 30 if product >= 0 else 1 - (1 << 30))
    high = abs(nudged) // 2**31 * (1 if nudged >= 0 else -1)  # C divides towards zero
    divisor = 1 << -exponent
    return high // divisor + (high % divisor > (divisor - 1) // 2 + (high < 0))


@needs_tflm
def test_the_mlperf_tiny_keyword_model_differs_in_no_byte(shared):
    path = shared / "models" / "mlperf_tiny_kws_ref_model.tflite"
    bundle = open_bundle(path)
    plain = Model(bundle.model, resolver="reference")
    inputs = random_inputs(plain.inputs, 10)
    run = tflm.run_tflm(plain, inputs)
    np.testing.assert_array_equal(
        run.outputs[0], np.stack([plain.run([crop]) for crop in inputs[0]])
    )
    assert (run.arena.head_bytes, run.arena.bytes) == (16_000, 24_272)


@pytest.mark.parametrize("name", ["float.tflite", "int8_float_io.tflite"])
def test_a_float_model_is_refused_in_one_line(name):
    with pytest.raises(HarnessError, match=f"--target tflm needs integers .*{name}") as error:
        tflm.require_integers(load(name), target="tflm")
    assert "\n" not in str(error.value)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(tflm, "PACKAGE", "no-such-package")
    assert tflm.arena_of_file(GOLDEN / "int8.tflite") is None
    with pytest.raises(
        HarnessError, match=r"pip install 'tflite-micro==0\.dev20261023182759'"
    ) as error:
        tflm.measure_arena(load())
    assert "\n" not in str(error.value)


@needs_tflm
def test_a_bundle_is_compared_on_its_own_crops(tmp_path):
    crops = {"golden": 3, "validation": 5}
    files = {}
    for name, count in crops.items():
        files[name] = tmp_path / f"{name}.npz"
        np.savez(files[name], model_input=np.zeros((count, 6, 4), np.int8))
    bundle = dataclasses.replace(open_bundle(GOLDEN / "int8.tflite"), crop_files=files)
    seen = []
    target = tflm_target(bundle, load(), progress=lambda *step: seen.append(step))
    assert (target["inputs"], target["inputs_from"]) == (8, crops)
    assert seen[-1] == ("tflm", 16, 16)
