"""Runs kernels for the DSP extension on many layers, in one program.

Their C twins run on this machine with sanitizers, their assembly on an emulated core.
"""

import re
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from c_model_run import SANITIZED, WARNINGS, compile_c
from c_models import Case

from export.c_code.model.ir import Model, read_model
from export.c_code.model.kernels.dsp.registry import DSP
from export.c_code.model.layer import Layer, LayerCode, Variant
from export.c_code.model.layer_text import kernels_text
from firmware_harness.bench.cortex import BOARDS
from firmware_harness.bundle.c_files import KwsSources
from firmware_harness.firmware.boards import load_board
from firmware_harness.firmware.build import BENCH, link_image
from firmware_harness.firmware.emulator import emulate

NAKED = "__attribute__((naked,noipa))"

# On the host, all memory is allocated to the byte, so that the sanitizer sees one too many.
_MAIN = """\
#include <string.h>
#include "bench_port.h"
#ifdef __arm__
static uint64_t memory[5][2048];
#define TAKE(place, bytes) memory[place]
#define GIVE_BACK(pointer) (void)(pointer)
#else
#include <stdlib.h>
#define TAKE(place, bytes) malloc((size_t)(bytes))
#define GIVE_BACK(pointer) free(pointer)
#endif
typedef void run_kernel(const void *, const uint32_t *, const int8_t *, int8_t *, int32_t *);
{wrappers}
static run_kernel *const kernels[] = {{ {names} }};

int main(void)
{{
    int32_t head[6];
    bench_open();
    while (bench_read(BENCH_INPUTS, head, sizeof head)) {{
        void *shape = TAKE(0, head[1]), *words = TAKE(1, head[2]), *input = TAKE(2, head[3]);
        void *output = TAKE(3, head[4]), *work = TAKE(4, head[5]);
        if (!bench_read(BENCH_INPUTS, shape, (size_t)head[1])) bench_exit(4);
        if (!bench_read(BENCH_INPUTS, words, (size_t)head[2])) bench_exit(5);
        if (!bench_read(BENCH_INPUTS, input, (size_t)head[3])) bench_exit(6);
        memset(output, 85, (size_t)head[4]);
        memset(work, 170, (size_t)head[5]);
        kernels[head[0]](shape, words, input, output, work);
        bench_write(BENCH_OUTPUTS, output, (size_t)head[4]);
        GIVE_BACK(shape); GIVE_BACK(words); GIVE_BACK(input); GIVE_BACK(output); GIVE_BACK(work);
    }}
    bench_exit(0);
    return 0;
}}
"""
MEMORY = 8 * 2048  # of each kind, on an emulated core


@dataclass(frozen=True, kw_only=True)
class Run:
    """One layer with its code for the DSP extension, and one input."""

    model: Model
    layer: Layer
    variant: Variant
    values: np.ndarray

    @property
    def least(self) -> int:
        """The lowest output; the kernel may give a lower one, which the activation cuts off."""
        field = {"DEPTHWISE_CONV_2D": 4, "CONV_2D": 3, "FULLY_CONNECTED": 0}
        return self.layer.activation_limits(field[self.layer.node.operator])[0]


def runs_of(case: Case, optimize) -> list[Run]:
    """One for each input of a model of one layer; none if the layer runs portable code."""
    model = read_model(case.model)
    layer = Layer(model, model.nodes[0])
    variant = DSP[layer.node.operator](layer, optimize)
    if variant is None:
        return []
    return [Run(model=model, layer=layer, variant=variant, values=values) for values in case.inputs]


def run_twins(runs: Sequence[Run], folder: Path) -> list[np.ndarray]:
    """Outputs of the C twins, before a fused activation; fails on what sanitizers say."""
    _write(runs, folder)
    command = ["gcc", *SANITIZED, *WARNINGS, "-DKWS_MODEL_DSP", f"-I{BENCH}", "main.c"]
    compile_c([*command, str(BENCH / "stream_stdio.c"), "-o", "run"], folder)
    ended = subprocess.run([str(folder / "run")], cwd=folder, capture_output=True, timeout=300)
    assert ended.returncode == 0, ended.stderr.decode()[:3000]
    return _outputs(runs, folder)


def run_assembly(runs: Sequence[Run], folder: Path, core: str) -> list[np.ndarray]:
    """Outputs of the assembly on an emulated core, before a fused activation."""
    _write(runs, folder)
    board = load_board(BOARDS[core])
    link_image(
        board,
        KwsSources(files={"main.c": ""}),
        files=("stream_semihosting.c",),
        out=folder / "run.elf",
        defines=("-DKWS_MODEL_DSP", "-DKWS_MODEL_ASM", f"-DKWS_MODEL_NAKED={NAKED}", "-Werror"),
    )
    emulate(board, folder / "run.elf")
    return _outputs(runs, folder)


def fits_memory(run: Run) -> bool:
    """True if the program for an emulated core has memory for it."""
    values = (run.variant.work_bytes, run.values.size, run.layer.output.elements)
    return max(*values, *map(len, _tables(run.variant))) <= MEMORY


def _write(runs: Sequence[Run], folder: Path) -> None:
    codes = {run.variant.name: run.variant for run in runs}
    names = sorted(codes)
    (folder / "main.c").write_text(_source([codes[name] for name in names]))
    (folder / "inputs.bin").write_bytes(b"".join(_packed(run, names) for run in runs))
    (folder / "audio.bin").write_bytes(b"")


def _outputs(runs: Sequence[Run], folder: Path) -> list[np.ndarray]:
    found = np.fromfile(folder / "outputs.bin", np.int8)
    sizes = [run.layer.output.elements for run in runs]
    assert len(found) == sum(sizes)
    return np.split(found, np.cumsum(sizes)[:-1])


def _source(variants: Sequence[Variant]) -> str:
    codes = [
        LayerCode(comment="", arguments=(), body="", dsp=replace(each, kernels=each.kernels[:1]))
        for each in variants
    ]
    wrappers = "".join(
        f"static void run_{each.name}(const void *s, const uint32_t *w, const int8_t *i,\n"
        f"    int8_t *o, int32_t *m) {{ {_call(each)} }}\n"
        for each in variants
    )
    names = ", ".join(f"run_{each.name}" for each in variants)
    text = "#include <stdint.h>\n" + kernels_text(codes)
    return text + _MAIN.format(wrappers=wrappers, names=names)


def _call(variant: Variant) -> str:
    if not _is_row(variant):
        return f"{variant.name}(s, w, i, o, m);"
    return (
        "(void)m; const int32_t *n = (const int32_t *)s; const int8_t *v = (const int8_t *)w; "
        f"{variant.name}(i, n[0], v, (const struct channel *)(n + 3), n[1], n[2], o);"
    )


def _is_row(variant: Variant) -> bool:
    return variant.name.startswith("multiply_row")


def _packed(run: Run, names: Sequence[str]) -> bytes:
    shape, words = _tables(run.variant)
    sizes = (len(shape), len(words), run.values.size, run.layer.output.elements)
    head = (names.index(run.variant.name), *sizes, run.variant.work_bytes)
    return struct.pack("<6i", *head) + shape + words + run.values.tobytes()


def _tables(variant: Variant) -> tuple[bytes, bytes]:
    """The struct and the words of a layer as they lie in memory."""
    return (_row_tables if _is_row(variant) else _shape_and_words)(variant)


def _row_tables(variant: Variant) -> tuple[bytes, bytes]:
    """Taps, rows, odd zero and the channels; the weights."""
    ends = re.findall(r"(?<= )-?\d+(?=[,)])", variant.body.split(";")[0])
    weights, channels = re.findall(r"\[\d+\] = \{\n(.*?)\n\};", variant.tables, re.DOTALL)
    numbers = [int(number) for number in (*ends, *re.findall(r"-?\d+", channels))]
    values = [int(value) for value in re.findall(r"-?\d+", weights)]
    return struct.pack(f"<{len(numbers)}i", *numbers), struct.pack(f"{len(values)}b", *values)


def _shape_and_words(variant: Variant) -> tuple[bytes, bytes]:
    text = variant.tables
    found = re.search(r"static const uint32_t \w+\[\d+\] = \{(.*?)\};", text, re.DOTALL)
    words = [int(word, 16) for word in re.findall(r"0x\w+", found[1])]
    found = re.search(r"static const struct \w+ \w+ = \{\n(.*?)\n\};", text, re.DOTALL)
    plain = re.sub(r"/\*.*?\*/", "", found[1])
    numbers = [int(number) for number in re.findall(r"-?\d+", plain)]
    return struct.pack(f"<{len(numbers)}i", *numbers), struct.pack(f"<{len(words)}I", *words)
