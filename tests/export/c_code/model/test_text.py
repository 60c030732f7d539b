"""The generated C as text, through several compilers, and its twin on TFLite Micro."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from c_graphs import BUILDS, IMAGE
from c_model_run import WARNINGS, compile_c, needs_compiler, write_units
from c_models import Net, case
from places import ROOT, C

from export.c_code.model import generate, generate_interface
from export.c_code.model.c_text import bytes_text
from export.c_code.model.kernels.registry import PORTABLE
from export.c_code.model.kernels.rescale import Way
from export.c_code.model_data import model_data_header, model_data_source
from export.c_code.ops import ops_header
from export.errors import ExportError
from export.tflite.graph import parse_graph

STUB = C / "tflm_stub"
needs_cpp = pytest.mark.skipif(
    shutil.which("g++") is None, reason="needs a C++ compiler (Debian: g++)"
)
needs_arm = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None,
    reason="needs a compiler for Arm (Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi)",
)
PROFILE = """\
#include <stdio.h>
#include "kws_model.h"
void kws_model_layer_done(int layer) { printf("%d ", layer); }
int main(void)
{
    static int8_t input[KWS_MODEL_INPUT_BYTES], output[KWS_MODEL_OUTPUT_BYTES];
    static uint32_t scratch[KWS_MODEL_SCRATCH_BYTES / 4 + 4];
    char *start = (char *)scratch;
    while ((uintptr_t)start % KWS_MODEL_SCRATCH_ALIGN != 0) start++;
    printf("= %d ", kws_model_run(input, output, start));
    printf("%d ", kws_model_run(input, output, start + 4));
    printf("%d ", kws_model_run(0, output, start));
    printf("%d ", kws_model_run(input, 0, start));
    printf("%d\\n", kws_model_run(input, output, 0));
    return 0;
}
"""


def everything() -> bytes:
    """Every operator, and all kernels of those that have several."""
    net = Net((1, 9, 7, 3))
    x = net.conv_2d(net.conv_2d(0, coarse=0.001), activation="RELU6")
    x = net.conv_2d(net.conv_2d(x, channels=1), channels=3)
    x = net.depthwise_conv_2d(net.depthwise_conv_2d(x, coarse=0.001))
    most = np.full((1, 17, 17, 3), 127, np.int8)  # so many that two sums take more than 64 bits
    x = net.depthwise_conv_2d(x, kernel=(17, 17), values=most)
    x = net.strided_slice(x, [None, None, 0, -3], [None, None, -1, None], [1, 1, 2, 1])
    x = net.pool("AVERAGE_POOL_2D", net.pad(x, [(0, 0), (1, 1), (0, 0), (0, 0)]))
    x = net.add(net.pool("MAX_POOL_2D", x, window=(1, 1), stride=(1, 1)), x)
    for name in ("RELU", "RELU6", "LOGISTIC", "TANH", "HARD_SWISH"):
        x = net.unary(name, x)
    gated = net.mul(x, net.mean(x, [1, 2], keep_dims=True))
    x = net.quantize(x, scale=net.scale(gated), zero=net.zero(gated))
    x = net.concatenation(gated, x)
    return net.model(net.softmax(net.fully_connected(net.fully_connected(x, coarse=0.001))))


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """C of a model of everything, of one with reshapes, and of one without layers."""
    folder = tmp_path_factory.mktemp("units")
    others = (case(name, IMAGE, BUILDS[name]) for name in ("reshaped between", "only reshaped"))
    write_units([generate(everything()), *(generate(each.model) for each in others)], folder)
    return folder


def small() -> bytes:
    """Of more inputs than outputs, for the twin on TFLite Micro."""
    net = Net((1, 4, 3, 2))
    return net.model(net.fully_connected(net.reshape(net.conv_2d(0), (1, 36))))


# --- compilers ---


def test_the_model_of_everything_has_every_operator():
    found = {op.name for op in parse_graph(everything(), name="everything").operators}
    assert found == set(PORTABLE)
    source = generate(everything()).source
    ways = {"convolve": Way, "convolve_depthwise": Way, "multiply_row": (Way.QUICK, Way.EACH)}
    for kernel, ends in ways.items():
        assert all(f"    {kernel}{way.value}(" in source for way in ends)


@needs_compiler
@pytest.mark.parametrize("level", ["-O0", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("standard", ["-std=c99", "-std=c11"])
def test_gcc_has_nothing_to_say(standard, level, units):
    compile_c(["gcc", standard, level, *WARNINGS, "-c", *names(units)], units)


@needs_arm
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_the_compiler_for_arm_has_nothing_to_say(core, units):
    flags = ["-std=c99", f"-mcpu={core}", "-mthumb", "-Os", *WARNINGS]
    compile_c(["arm-none-eabi-gcc", *flags, "-c", *names(units)], units)


@needs_cpp
def test_it_is_cpp_as_well(units):
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-O2"]
    compile_c(["g++", "-x", "c++", *flags, "-c", *names(units)], units)


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang (Debian: clang)")
@pytest.mark.parametrize("target", ["riscv32", "arm-none-eabi"])
def test_it_needs_no_c_library(target, units):
    """Only the compiler's own headers."""
    said = subprocess.run(
        ["clang", "-print-resource-dir"], capture_output=True, text=True, check=True
    )
    flags = [f"--target={target}", "-ffreestanding", "-nostdinc", "-Os", "-std=c99", *WARNINGS]
    headers = ["-isystem", f"{said.stdout.strip()}/include"]
    compile_c(["clang", *flags, *headers, "-c", *names(units)], units)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("unit_*.c"))


@needs_compiler
def test_layers_report_in_order_and_wrong_arguments_are_told(tmp_path):
    made = generate(small())
    (tmp_path / "kws_model.h").write_text(made.header)
    (tmp_path / "kws_model.c").write_text(made.source)
    (tmp_path / "main.c").write_text(PROFILE)
    compile_c(
        ["gcc", "-std=c99", "-DKWS_MODEL_PROFILE", *WARNINGS, "main.c", "kws_model.c", "-o", "run"],
        tmp_path,
    )
    ended = subprocess.run([str(tmp_path / "run")], capture_output=True, text=True, check=True)
    assert ended.stdout == "0 1 = 0 -1 -1 -1 -1\n"


# --- text ---


def test_the_header_tells_sizes():
    made = generate(small())
    for line in (
        "#define KWS_MODEL_INPUT_BYTES 24 /* int8 features, [4][3][2] */",
        "#define KWS_MODEL_OUTPUT_BYTES 5 /* int8 scores, one a class */",
        f"#define KWS_MODEL_SCRATCH_BYTES {made.scratch_bytes}",
        "#define KWS_MODEL_SCRATCH_ALIGN 16",
        "#define KWS_MODEL_NUM_LAYERS 2",
    ):
        assert f"{line}\n" in made.header


def test_layers_are_described():
    made = generate(small())
    assert [(layer.function, layer.macs) for layer in made.layers] == [
        ("conv_2d_0", 4 * 3 * 3 * 3 * 3 * 2),
        ("fully_connected_2", 36 * 5),
    ]
    assert "/* CONV_2D 4x3x2 -> 4x3x3, window 3x3, stride 1, int8 */" in made.source
    assert "/* FULLY_CONNECTED 36 -> 5, int8 */" in made.source


def test_every_file_names_its_model():
    made = generate(small())
    digest = hashlib.sha256(small()).hexdigest()
    for text in (made.header, made.source, made.tflm_source):
        assert text.startswith("/* Generated by `pld-tf export` from model.tflite, sha256 ")
        assert digest in text.splitlines()[0]


def test_lines_are_at_most_100_columns_but_for_the_digest():
    made = generate(everything())
    for text in (made.header, made.source, made.tflm_source):
        assert max(len(line) for line in text.splitlines()[1:]) <= 100
        assert text.isascii()


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_text_comes_whatever_the_order_of_sets(seed, tmp_path):
    (tmp_path / "model.tflite").write_bytes(everything())
    code = (
        "import sys, pathlib, hashlib; from export.c_code.model import generate; "
        "made = generate(pathlib.Path(sys.argv[1]).read_bytes()); "
        "print(hashlib.sha256((made.header + made.source).encode()).hexdigest())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model.tflite")],
        env=os.environ | {"PYTHONHASHSEED": seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    made = generate(everything())
    expected = hashlib.sha256((made.header + made.source).encode()).hexdigest()
    assert ended.stdout.strip() == expected


def test_weights_are_those_of_the_file():
    net = Net((1, 3))
    values = np.array([[1, -2, 3], [-128, 127, 0]], np.int8)
    model = net.model(net.fully_connected(0, units=2, values=values))
    assert "{\n1,-2,3,-128,127,0,\n}" in generate(model).source


def test_a_weight_takes_little_more_than_its_digits():
    values = np.random.default_rng(0).integers(-127, 128, 40_000).tolist()
    assert len(bytes_text("weights", values)) < 4.5 * len(values)


# --- the twin on TFLite Micro ---


def lstm() -> bytes:
    """A layer that has no C code, with a state that no layer makes."""
    net = Net((1, 4, 3))
    state, output = net.tensor((1, 3)), net.tensor((1, 4, 3))
    return net.model(net.layer("UNIDIRECTIONAL_SEQUENCE_LSTM", [0, state], output))


def test_a_layer_without_c_code_is_named():
    with pytest.raises(
        ExportError, match=r"^UNIDIRECTIONAL_SEQUENCE_LSTM \(layer 0, 't2'\) cannot"
    ):
        generate(lstm())


def test_a_model_without_c_code_has_its_interface_on_tflite_micro():
    header, tflm_source = generate_interface(lstm())
    assert "#define KWS_MODEL_INPUT_BYTES 12 " in header
    assert "#define KWS_MODEL_NUM_LAYERS 0\n" in header
    assert tflm_source == generate(small()).tflm_source.replace(
        hashlib.sha256(small()).hexdigest(), hashlib.sha256(lstm()).hexdigest()
    )


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """kws_model_tflm.cc, built for a stub interpreter that adds one to its input."""
    if shutil.which("g++") is None:
        pytest.skip("needs a C++ compiler (Debian: g++)")
    folder = tmp_path_factory.mktemp("twin")
    model = small()
    operators = [op.name for op in parse_graph(model, name="small").operators]
    made = generate(model)
    for name, text in {
        "kws_model.h": made.header,
        "kws_model_tflm.cc": made.tflm_source,
        "kws_ops.h": ops_header(operators, digest="00"),
        "kws_model_data.h": model_data_header(model, arena_bytes=4096),
        "kws_model_data.cc": model_data_source(model),
    }.items():
        (folder / name).write_text(text)
    sources = ["kws_model_tflm.cc", "kws_model_data.cc", str(STUB / "run.cc")]
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
    compile_c(["g++", *flags, "-I.", f"-I{STUB}", *sources, "-o", "run"], folder)
    return folder / "run"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("nothing", "0 0 1 42"),
        ("null", "-1 -1 0 0"),
        ("version", "-2 -2 0 0"),
        ("allocate", "-2 -2 1 0"),
        ("input", "-2 -2 1 0"),
        ("output", "-2 -2 1 0"),
        ("reset", "-2 -2 1 0"),
        ("invoke", "-2 -2 1 0"),
    ],
)
def test_the_twin_sets_up_once_and_tells_what_fails(broken, said, twin):
    ended = subprocess.run([str(twin), broken], capture_output=True, text=True, check=True)
    assert ended.stdout == f"{said}\n"
