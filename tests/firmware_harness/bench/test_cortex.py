"""The C on this machine and on emulated cores: what is compared, and what is counted."""

import dataclasses
import shutil
import subprocess

import harness_firmware as stub
import numpy as np
import pytest

from firmware_harness.bench.bench import bench_tflite
from firmware_harness.bench.cortex import BOARDS, run_on_board
from firmware_harness.bench.devices import device_targets
from firmware_harness.bundle.c_files import KwsSources, sources_of
from firmware_harness.bundle.read import open_bundle
from firmware_harness.errors import HarnessError
from firmware_harness.firmware.boards import load_board
from firmware_harness.firmware.build import QEMU_FILES, link_image
from firmware_harness.firmware.emulator import emulate, instructions
from firmware_harness.firmware.host import build_for_host, run_on_host
from firmware_harness.measure.workload import make_workload
from firmware_harness.report.page import render_markdown
from firmware_harness.runtimes.interpreter import Model

SANITIZERS = ("-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def measure(path, *names, extra="(void)0", layers=False):
    """Targets of a model or bundle of the stub."""
    bundle = open_bundle(path)
    plain = Model(bundle.model, resolver="reference")
    sources = sources_of(bundle, path, lambda _: stub.model_c(extra))
    return device_targets(names, bundle, plain, sources, layers=layers)


def workload_of(path, *, frontend=False):
    bundle = open_bundle(path)
    return make_workload(bundle, Model(bundle.model, resolver="reference"), frontend=frontend)


@pytest.fixture
def model(tmp_path):
    return stub.write_model(tmp_path)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return stub.write_bundle(tmp_path_factory.mktemp("cortex") / "bundle")


@stub.needs_compiler
def test_the_host_compares_every_byte_and_counts_nothing(model):
    (target,) = measure(model, "host").values()
    assert (target["inputs"], target["inputs_from"]) == (200, {"random": 200})
    assert (target["compared_bytes"], target["mismatched_bytes"]) == (800, 0)
    assert target["features"] is None
    for field in ("instructions_per_inference", "instructions_per_hop", "instructions_per_mac"):
        assert target[field] is None


@stub.needs_compiler
def test_a_wrong_byte_is_counted_with_its_distance(model):
    """The eighth run hears other values; the first is for the stack, so it is the seventh input."""
    other = "int8_t other[4] = {9, 9, 9, 9}; static int runs; if (runs++ == 7) input = other"
    (target,) = measure(model, "host", extra=other).values()
    steps = [abs(9 - value) for value in workload_of(model).outputs[6].tolist()]
    assert target["mismatched_bytes"] == sum(step > 0 for step in steps) > 0
    assert target["mismatched_inputs"] == 1
    assert target["mismatches_by_steps"] == {
        str(step): steps.count(step) for step in sorted(set(steps) - {0})
    }


@stub.needs_qemu
@pytest.mark.parametrize("name", BOARDS)
def test_an_emulated_core_gives_the_golden_bytes(name, bundle):
    (target,) = measure(bundle, name, layers=True).values()
    assert (target["board"], target["inputs_from"]) == (BOARDS[name], {"golden": 3})
    # 3 crops: 4 bytes of output and 4 features each.
    assert (target["compared_bytes"], target["mismatched_bytes"]) == (24, 0)
    assert target["features"] == {
        "crops": 3, "cells": 12, "compared_bytes": 12, "mismatched_bytes": 0,
        "unlike_tensorflow": 0, "unlike_tensorflow_by_steps": {},
    }  # fmt: skip
    assert 10 < target["instructions_per_inference"] < 100
    assert 10 < target["instructions_per_hop"] < 200
    assert target["instructions_per_mac"] is None  # RELU has none
    # Vector table of 64 bytes, start-up code and the stub.
    assert 150 < target["flash_bytes"] < 700
    # Input, output, one byte for no scratch, the front end's state, rounded up; and the stack.
    assert 20 < target["ram_bytes"] - target["stack_bytes"] < 100
    assert 0 < target["stack_bytes"] < 100
    (layer,) = target["layers"]
    assert (layer["operator"], layer["output_shape"], layer["macs"]) == ("RELU", [1, 4], 0)
    assert layer["share"] == 1.0
    assert 10 < layer["instructions"] < 100


@pytest.mark.slow
@stub.needs_qemu
def test_counts_repeat_exactly(bundle):
    assert measure(bundle, "cortex-m4") == measure(bundle, "cortex-m4")


@pytest.mark.slow
@stub.needs_qemu
@pytest.mark.parametrize("name", BOARDS)
def test_a_loop_of_two_instructions_counts_two_a_turn(name, tmp_path):
    """24,000,000 instructions pass SysTick's 24 bits twice and more."""
    spin = 'int n = COUNT; __asm volatile("1: subs %0, %0, #1\\n bne 1b" : "+l"(n) : : "cc")'
    board = load_board(BOARDS[name])
    workload = workload_of(stub.write_model(tmp_path)).first(1)

    def ticks(*extra: str) -> int:
        sources = KwsSources(files=stub.model_c(*extra))
        return run_on_board(board, sources, workload).numbers["inference_ticks"]

    without = ticks()
    for turns in (1000, 12_000_000):
        counted = ticks(spin.replace("COUNT", str(turns))) - without
        assert instructions(board, counted) == pytest.approx(2 * turns, abs=40)


@stub.needs_qemu
def test_the_stack_is_as_deep_as_the_arrays_on_it(model):
    array = "volatile char a[5000]; for (int i = 0; i < 5000; i++) a[i] = 0"
    (target,) = measure(model, "cortex-m4", extra=array).values()
    assert 5000 <= target["stack_bytes"] < 5200


@stub.needs_qemu
def test_more_stack_than_is_painted_is_refused(model):
    array = "volatile char a[70000]; for (int i = 0; i < 70000; i++) a[i] = 0"
    with pytest.raises(HarnessError, match="needs 65536 bytes of stack or more"):
        measure(model, "cortex-m4", extra=array)


@stub.needs_qemu
def test_features_unlike_tensorflows_are_counted_by_steps_and_are_no_mismatch(tmp_path):
    features = stub.golden_features()
    features[0, 0] ^= 1
    path = stub.write_bundle(tmp_path / "bundle", features=features)
    (target,) = measure(path, "cortex-m33").values()
    assert target["mismatched_bytes"] == 0
    assert target["features"]["unlike_tensorflow"] == 1
    assert target["features"]["unlike_tensorflow_by_steps"] == {"1": 1}


@stub.needs_qemu
def test_a_fault_is_told_in_one_line(model):
    with pytest.raises(HarnessError, match="stopped with a fault on mps2-an386") as error:
        measure(
            model, "cortex-m4", extra='if (sizeof(void *) == 4) __asm volatile(".short 0xDE00")'
        )
    assert "\n" not in str(error.value)


@stub.needs_qemu
def test_code_that_never_ends_is_stopped(model, tmp_path):
    board, workload = load_board("mps2-an386"), workload_of(model)
    sources = KwsSources(files=stub.model_c("for (;;) { }"))
    sources.write(tmp_path)
    for name in ("inputs.bin", "audio.bin"):
        (tmp_path / name).write_bytes(workload.inputs.tobytes())
    link_image(board, sources, files=QEMU_FILES, out=tmp_path / "x.elf")
    with pytest.raises(HarnessError, match=r"still running after 0\.5 s and was stopped"):
        emulate(board, tmp_path / "x.elf", max_seconds=0.5)


@stub.needs_qemu
def test_c_of_another_number_of_layers_than_operators_is_refused(model):
    files = stub.model_c()
    files["kws_model.h"] = files["kws_model.h"].replace("NUM_LAYERS 1", "NUM_LAYERS 2")
    bundle = open_bundle(model)
    plain = Model(bundle.model, resolver="reference")
    with pytest.raises(HarnessError, match=r"has 2 layers, but relu\.tflite has 1 operators"):
        device_targets(["cortex-m4"], bundle, plain, KwsSources(files=files), layers=True)


@stub.needs_compiler
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("INPUT_BYTES 4", "INPUT_BYTES 5", r"gives input_bytes 5, but the \.tflite has 4"),
        ("OUTPUT_BYTES 4", "OUTPUT_BYTES 5", r"gives output_bytes 5, but the \.tflite has 4"),
        ("#define KWS_MODEL_OK 0", "syntax error", "building the C for this machine failed"),
        ("#define KWS_MODEL_OK 0", "#define KWS_MODEL_OK 0\n#define ABORT", "killed by SIGABRT"),
    ],
)
def test_c_of_another_model_is_refused_in_one_line(model, old, new, message):
    abort = "\n#ifdef ABORT\nvoid abort(void); abort();\n#endif\n(void)0"
    files = stub.model_c(abort)
    files["kws_model.h"] = files["kws_model.h"].replace(old, new)
    with pytest.raises(HarnessError, match=message) as error:
        run_on_host(KwsSources(files=files), workload_of(model))
    assert "\n" not in str(error.value)


@stub.needs_compiler
@pytest.mark.parametrize("samples", [99, 101])
def test_audio_of_another_length_than_the_front_ends_is_refused(bundle, samples):
    sources = sources_of(open_bundle(bundle), bundle, None)
    workload = workload_of(bundle, frontend=True)
    audio = np.zeros((workload.crops, samples), np.int16)
    with pytest.raises(HarnessError, match="has not KWS_CROP_SAMPLES samples a crop"):
        run_on_host(sources, dataclasses.replace(workload, audio=audio))


@stub.needs_compiler
@pytest.mark.parametrize("beyond", ["output[4] = 1", "((int8_t *)scratch)[15] = 1"])
def test_a_model_that_writes_beyond_its_memory_is_refused(model, beyond):
    with pytest.raises(HarnessError, match="writes beyond its memory"):
        run_on_host(KwsSources(files=stub.model_c(beyond)), workload_of(model))


@stub.needs_compiler
def test_an_error_of_the_model_is_told(model):
    with pytest.raises(HarnessError, match="kws_model_run gave an error"):
        run_on_host(KwsSources(files=stub.model_c("return -1")), workload_of(model))


def test_a_model_without_c_and_nobody_to_generate_it_is_refused(model):
    with pytest.raises(HarnessError, match=r"holds no kws_model\.c"):
        sources_of(open_bundle(model), model, None)


@stub.needs_compiler
def test_a_float_model_is_refused_for_a_device(tmp_path):
    import tiny_tflite

    path = tmp_path / "float.tflite"
    tensors = [tiny_tflite.tensor([1, 4], kind="FLOAT32")] * 2
    path.write_bytes(tiny_tflite.one_operator("RELU", tensors, inputs=1))
    with pytest.raises(HarnessError, match=r"--target host needs one int8 input .* float32 \[1, 4"):
        measure(path, "host")


@stub.needs_compiler
def test_without_tflite_micro_the_reference_kernels_are_the_golden(model, monkeypatch):
    monkeypatch.setattr("firmware_harness.measure.workload.tflm_version", lambda: None)
    (target,) = measure(model, "host").values()
    assert target["golden"] == "TFLite's reference kernels"
    assert target["mismatched_bytes"] == 0


@stub.needs_compiler
def test_the_program_is_clean_under_sanitizers(bundle):
    sources = sources_of(open_bundle(bundle), bundle, None)
    measured = run_on_host(sources, workload_of(bundle, frontend=True), flags=SANITIZERS)
    np.testing.assert_array_equal(measured.features, stub.golden_features()[..., 0])


@stub.needs_compiler
def test_the_program_reads_nothing_unset(bundle, tmp_path):
    if shutil.which("valgrind") is None:
        pytest.skip("needs valgrind")
    sources = sources_of(open_bundle(bundle), bundle, None)
    workload = workload_of(bundle, frontend=True)
    sources.write(tmp_path)
    (tmp_path / "inputs.bin").write_bytes(workload.inputs.tobytes())
    (tmp_path / "audio.bin").write_bytes(workload.audio.tobytes())
    build_for_host(sources, tmp_path / "bench", crops=workload.crops)
    command = ["valgrind", "--error-exitcode=9", "--quiet", "./bench"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0


STRICT = [
    "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
    "-Wmissing-prototypes", "-Wvla", "-Werror",
]  # fmt: skip


@stub.needs_arm
@pytest.mark.parametrize("name", [*BOARDS.values(), "raspberry-pi-pico-2"])
def test_the_firmwares_own_c_compiles_without_a_warning(name, bundle, tmp_path):
    from firmware_harness.firmware.build import BENCH

    sources = sources_of(open_bundle(bundle), bundle, None)
    sources.write(tmp_path)
    files = [path for path in BENCH.glob("*.c") if path.name not in HOST_FILES]
    options = [*load_board(name).core_flags, *STRICT, "-O2", *sources.defines(crops=1)]
    command = ["arm-none-eabi-gcc", *options, "-fsyntax-only", f"-I{tmp_path}", f"-I{BENCH}"]
    ended = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert ended.stderr == ""


HOST_FILES = ("stream_stdio.c", "none_on_host.c")


@stub.needs_compiler
def test_the_hosts_own_c_compiles_without_a_warning(bundle, tmp_path):
    from firmware_harness.firmware.build import BENCH

    sources = sources_of(open_bundle(bundle), bundle, None)
    sources.write(tmp_path)
    files = [BENCH / name for name in (*HOST_FILES, "bench_main.c", "footprint.c")]
    options = [*STRICT, *sources.defines(crops=1), "-fsyntax-only", f"-I{tmp_path}", f"-I{BENCH}"]
    ended = subprocess.run(["cc", *options, *files], capture_output=True, text=True, check=False)
    assert ended.stderr == ""


@pytest.mark.slow
@stub.needs_qemu
def test_the_report_says_it_all_on_one_page(model):
    report = bench_tflite(
        model,
        examples=None,
        targets=["host", "cortex-m4"],
        generate_c=lambda _: stub.model_c(),
        layers=True,
    )
    assert list(report["targets"]) == ["host", "cortex-m4"]
    target = report["targets"]["cortex-m4"]
    page = render_markdown(report)
    row = f"| cortex-m4 | {target['instructions_per_inference']} |  |  |  | "
    assert row + f"{target['flash_bytes']} bytes | {target['ram_bytes']} bytes |" in page
    assert "| host |  |  |  |  |  |  |  | 0 of 800 |" in page
    assert "QEMU counts instructions; it knows no cycles and no milliseconds." in page
    assert "## Layers on cortex-m4" in page
    assert "| 0 | RELU | 1 x 4 | 0 | " in page


def test_validation_crops_beyond_200_are_left_out_evenly(tmp_path):
    from firmware_harness.measure.inputs import comparison_inputs

    for name, count in (("golden", 3), ("validation", 997)):
        crops = np.arange(count * 4).reshape(count, 1, 4) % 256 - 128
        np.savez(tmp_path / f"{name}.npz", model_input=crops.astype(np.int8))
    path = stub.write_model(tmp_path)
    bundle = dataclasses.replace(
        open_bundle(path),
        crop_files={name: tmp_path / f"{name}.npz" for name in ("golden", "validation")},
    )
    model = Model(bundle.model, resolver="reference")
    counts, (inputs,) = comparison_inputs(bundle, model, most=200)
    assert counts == {"golden": 3, "validation": 197}
    everything = comparison_inputs(bundle, model)[1][0]
    np.testing.assert_array_equal(inputs[:3], everything[:3])
    np.testing.assert_array_equal(inputs[3], everything[3])
    np.testing.assert_array_equal(inputs[-1], everything[3 + 196 * 997 // 197])
