"""Runs the C twins of kernels for the DSP extension on many layers, in one sanitized program."""

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

# Each table, input, output and working memory is allocated to the byte. Output and work hold junk.
_MAIN = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef void run_kernel(const void *, const uint32_t *, const int8_t *, int8_t *, int32_t *);
{wrappers}
static run_kernel *const kernels[] = {{ {names} }};

static void *taken(size_t bytes)
{{
    void *memory = malloc(bytes);
    if (fread(memory, 1, bytes, stdin) != bytes) exit(3);
    return memory;
}}

int main(void)
{{
    int32_t head[6];
    while (fread(head, sizeof head[0], 6, stdin) == 6) {{
        void *shape = taken((size_t)head[1]), *words = taken((size_t)head[2]);
        int8_t *input = taken((size_t)head[3]), *output = malloc((size_t)head[4]);
        int32_t *work = malloc((size_t)head[5]);
        memset(output, 85, (size_t)head[4]);
        memset(work, 170, (size_t)head[5]);
        kernels[head[0]](shape, words, input, output, work);
        fwrite(output, 1, (size_t)head[4], stdout);
        free(shape); free(words); free(input); free(output); free(work);
    }}
    return 0;
}}
"""


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
    """Outputs of all runs, before a fused activation; fails on what sanitizers say."""
    names = sorted({run.variant.name for run in runs})
    codes = {run.variant.name: run.variant for run in runs}
    (folder / "main.c").write_text(_source([codes[name] for name in names]))
    command = ["gcc", *SANITIZED, *WARNINGS, "-DKWS_MODEL_DSP", "main.c", "-o", "run"]
    compile_c(command, folder)
    ended = subprocess.run(
        [str(folder / "run")],
        input=b"".join(_packed(run, names) for run in runs),
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr.decode()[:3000]
    sizes = [run.layer.output.elements for run in runs]
    found = np.frombuffer(ended.stdout, np.int8)
    assert len(found) == sum(sizes)
    return np.split(found, np.cumsum(sizes)[:-1])


def _source(variants: Sequence[Variant]) -> str:
    codes = [
        LayerCode(comment="", arguments=(), body="", dsp=replace(each, kernels=each.kernels[:1]))
        for each in variants
    ]
    wrappers = "".join(
        f"static void run_{each.name}(const void *s, const uint32_t *w, const int8_t *i,\n"
        f"    int8_t *o, int32_t *m) {{ {each.name}(s, w, i, o, m); }}\n"
        for each in variants
    )
    names = ", ".join(f"run_{each.name}" for each in variants)
    text = "#include <stdint.h>\n" + kernels_text(codes)
    return text + _MAIN.format(wrappers=wrappers, names=names)


def _packed(run: Run, names: Sequence[str]) -> bytes:
    shape, words = _tables(run.variant.tables)
    sizes = (len(shape), len(words), run.values.size, run.layer.output.elements)
    head = (names.index(run.variant.name), *sizes, run.variant.work_bytes)
    return struct.pack("<6i", *head) + shape + words + run.values.tobytes()


def _tables(text: str) -> tuple[bytes, bytes]:
    """The struct and the words of a layer as they lie in memory."""
    found = re.search(r"static const uint32_t \w+\[\d+\] = \{(.*?)\};", text, re.DOTALL)
    words = [int(word, 16) for word in re.findall(r"0x\w+", found[1])]
    found = re.search(r"static const struct \w+ \w+ = \{\n(.*?)\n\};", text, re.DOTALL)
    plain = re.sub(r"/\*.*?\*/", "", found[1])
    numbers = [int(number) for number in re.findall(r"-?\d+", plain)]
    return struct.pack(f"<{len(numbers)}i", *numbers), struct.pack(f"<{len(words)}I", *words)
