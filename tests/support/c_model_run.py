"""Runs the C of many models in one sanitized program, and the same models on TFLite Micro."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from c_models import Case

from export.c_code.model import CModel, generate

WARNINGS = (
    "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wmissing-prototypes",
    "-Wvla", "-Werror",
)  # fmt: skip
SANITIZED = ("-std=c99", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
needs_compiler = pytest.mark.skipif(
    shutil.which("gcc") is None, reason="needs a C compiler with sanitizers (Debian: gcc)"
)

# One model: its functions get a name of their own.
_UNIT = """\
#define kws_model_run kws_model_run_{number}
#include "{number}/kws_model.c"
extern const unsigned kws_sizes_{number}[3];
const unsigned kws_sizes_{number}[3] = {{
    KWS_MODEL_INPUT_BYTES, KWS_MODEL_OUTPUT_BYTES, KWS_MODEL_SCRATCH_BYTES
}};
"""
# Each buffer is allocated to the byte, so that the sanitizer sees one too many; scratch holds junk.
_MAIN = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{declarations}
typedef int run_model(const int8_t *, int8_t *, void *);
static run_model *const runs[] = {{ {runs} }};
static const unsigned *const sizes[] = {{ {sizes} }};
static const unsigned counts[] = {{ {counts} }};

int main(void)
{{
    for (unsigned model = 0; model < sizeof counts / sizeof *counts; model++) {{
        for (unsigned i = 0; i < counts[model]; i++) {{
            const unsigned *size = sizes[model];
            int8_t *input = malloc(size[0]), *output = malloc(size[1]);
            void *scratch = 0;
            if (posix_memalign(&scratch, 16, size[2]) != 0) return 2;
            if (fread(input, 1, size[0], stdin) != size[0]) return 3;
            memset(scratch, (int)(85 + i), size[2]);
            if (runs[model](input, output, scratch) != 0) return 4;
            fwrite(output, 1, size[1], stdout);
            free(input); free(output); free(scratch);
        }}
    }}
    return 0;
}}
"""


def run_c(
    cases: Mapping[str, Case], folder: Path, *, defines: Sequence[str] = (), **choices
) -> dict[str, np.ndarray]:
    """Outputs of each case, int8 [inputs, values]; fails on warnings and on what sanitizers say.

    `choices` go to `generate`.
    """
    made = [generate(case.model, **choices) for case in cases.values()]
    counts = [len(case.inputs) for case in cases.values()]
    write_units(made, folder)
    _write_main(folder, counts)
    units = [f"unit_{number}.c" for number in range(len(cases))]
    compile_c(["gcc", *SANITIZED, *WARNINGS, *defines, "-c", *units], folder)
    # Its main asks for a function of POSIX.
    objects = [unit.replace(".c", ".o") for unit in units]
    compile_c(["gcc", "-std=gnu99", *SANITIZED[1:], "main.c", *objects, "-o", "run"], folder)
    ended = subprocess.run(
        [str(folder / "run")],
        input=b"".join(case.inputs.tobytes() for case in cases.values()),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr.decode()[:3000]
    sizes = [count * output_bytes(model) for count, model in zip(counts, made, strict=True)]
    ends = np.cumsum(sizes).tolist()
    assert len(ended.stdout) == ends[-1]
    return {
        name: np.frombuffer(ended.stdout[end - size : end], np.int8).reshape(count, -1)
        for name, count, size, end in zip(cases, counts, sizes, ends, strict=True)
    }


def write_units(made: Sequence[CModel], folder: Path) -> None:
    """unit_0.c, unit_1.c ...: each with a model of its own."""
    for number, model in enumerate(made):
        (folder / str(number)).mkdir()
        (folder / str(number) / "kws_model.h").write_text(model.header)
        (folder / str(number) / "kws_model.c").write_text(model.source)
        (folder / f"unit_{number}.c").write_text(_UNIT.format(number=number))


def _write_main(folder: Path, counts: Sequence[int]) -> None:
    numbers = range(len(counts))
    text = _MAIN.format(
        declarations="\n".join(
            f"int kws_model_run_{n}(const int8_t *, int8_t *, void *);\n"
            f"extern const unsigned kws_sizes_{n}[3];"
            for n in numbers
        ),
        runs=", ".join(f"kws_model_run_{n}" for n in numbers),
        sizes=", ".join(f"kws_sizes_{n}" for n in numbers),
        counts=", ".join(map(str, counts)),
    )
    (folder / "main.c").write_text(text)


def compile_c(command: Sequence[str], folder: Path) -> None:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[:3000]


def output_bytes(model: CModel) -> int:
    found = re.search(r"#define KWS_MODEL_OUTPUT_BYTES (\d+)", model.header)
    assert found
    return int(found[1])


def run_tflm(cases: Mapping[str, Case], folder: Path) -> dict[str, np.ndarray]:
    """Outputs of TFLite Micro, int8 [inputs, values]; skips where it is not installed."""
    pytest.importorskip("tflite_micro", reason="needs the extra tflm: tflite-micro")
    for number, case in enumerate(cases.values()):
        (folder / f"{number}.tflite").write_bytes(case.model)
        np.save(folder / f"{number}.npy", case.inputs)
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("c_model_tflm.py")), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    begun = ended.stdout.split()
    assert ended.returncode == 0, (list(cases)[int(begun[-1])] if begun else "", ended.stderr)
    with np.load(folder / "outputs.npz") as outputs:
        return {name: outputs[str(number)] for number, name in enumerate(cases)}


def run_reference(case: Case) -> np.ndarray:
    """Outputs of TFLite's own reference kernels, int8 [inputs, values]."""
    from firmware_harness.bundle.read import ModelFile
    from firmware_harness.runtimes.interpreter import Model

    file = ModelFile(name="model.tflite", content=case.model)
    model = Model(file, resolver="reference")
    return np.stack([model.run([values]).ravel() for values in case.inputs])
