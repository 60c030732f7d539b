"""Runs the steps of many models on streams of frames, in one sanitized program."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from c_model_run import SANITIZED, WARNINGS, compile_c, output_bytes

from export.c_code.model import CModel, generate

_UNIT = """\
#define kws_model_run run_{number}
#define kws_model_reset reset_{number}
#define kws_model_step step_{number}
#include "{number}/kws_model.c"
extern const unsigned sizes_{number}[6];
const unsigned sizes_{number}[6] = {{
    KWS_MODEL_INPUT_BYTES, KWS_MODEL_OUTPUT_BYTES, KWS_MODEL_SCRATCH_BYTES,
    KWS_MODEL_STEP_FRAMES, KWS_MODEL_STATE_BYTES, KWS_MODEL_STEP_SCRATCH_BYTES
}};
"""
# Memory is allocated to the byte, so that the sanitizer sees one too many; scratch holds junk.
_MAIN = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{declarations}
typedef int step_model(const int8_t *, int8_t *, void *, void *);
static step_model *const steps[] = {{ {steps} }};
static int (*const resets[])(void *) = {{ {resets} }};
static const unsigned *const sizes[] = {{ {sizes} }};
static const unsigned counts[] = {{ {counts} }};
static const unsigned step_bytes[] = {{ {step_bytes} }};

int main(void)
{{
    for (unsigned model = 0; model < sizeof counts / sizeof *counts; model++) {{
        const unsigned *size = sizes[model];
        void *state = malloc(size[4]);
        if (resets[model](state) != 0) return 2;
        for (unsigned i = 0; i < counts[model]; i++) {{
            int8_t *frames = malloc(step_bytes[model]), *output = malloc(size[1]);
            void *scratch = 0;
            if (posix_memalign(&scratch, 16, size[5]) != 0) return 3;
            if (fread(frames, 1, step_bytes[model], stdin) != step_bytes[model]) return 4;
            memset(scratch, (int)(85 + i), size[5]);
            if (steps[model](frames, output, state, scratch) != 0) return 5;
            fwrite(output, 1, size[1], stdout);
            free(frames); free(output); free(scratch);
        }}
        free(state);
    }}
    return 0;
}}
"""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A model and the frames that it hears.

    Args:
      model: the .tflite.
      hop: frames of a step.
      frames: int8 [frames, values of a frame], whole steps.
      window: frames that the model takes.
    """

    model: bytes
    hop: int
    frames: np.ndarray
    window: int

    @property
    def steps(self) -> int:
        return len(self.frames) // self.hop

    def windows(self) -> np.ndarray:
        """The windows at the ends of all steps that a whole one precedes: [windows, bytes]."""
        ends = [(step + 1) * self.hop for step in range(self.steps)]
        starts = [end - self.window for end in ends if end >= self.window]
        return np.stack([self.frames[start : start + self.window].ravel() for start in starts])


def run_steps(
    streams: Mapping[str, Stream], folder: Path, *, defines: Sequence[str] = (), **choices
) -> dict[str, np.ndarray]:
    """Outputs of the steps for `Stream.windows`, int8 [windows, values]."""
    made = [generate(each.model, hop=each.hop, **choices) for each in streams.values()]
    for number, model in enumerate(made):
        (folder / str(number)).mkdir()
        (folder / str(number) / "kws_model.h").write_text(model.header)
        (folder / str(number) / "kws_model.c").write_text(model.source)
        (folder / f"unit_{number}.c").write_text(_UNIT.format(number=number))
    (folder / "main.c").write_text(_main(list(streams.values())))
    units = [f"unit_{number}.c" for number in range(len(made))]
    compile_c(["gcc", *SANITIZED, *WARNINGS, *defines, "-c", *units], folder)
    objects = [unit.replace(".c", ".o") for unit in units]
    compile_c(["gcc", "-std=gnu99", *SANITIZED[1:], "main.c", *objects, "-o", "run"], folder)
    given = b"".join(each.frames.tobytes() for each in streams.values())
    ended = subprocess.run(
        [str(folder / "run")], input=given, capture_output=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr.decode()[:3000]
    return _outputs(streams, made, ended.stdout)


def _main(streams: Sequence[Stream]) -> str:
    numbers = range(len(streams))
    return _MAIN.format(
        declarations="\n".join(
            f"int step_{n}(const int8_t *, int8_t *, void *, void *);\nint reset_{n}(void *);\n"
            f"extern const unsigned sizes_{n}[6];"
            for n in numbers
        ),
        steps=", ".join(f"step_{n}" for n in numbers),
        resets=", ".join(f"reset_{n}" for n in numbers),
        sizes=", ".join(f"sizes_{n}" for n in numbers),
        counts=", ".join(str(each.steps) for each in streams),
        step_bytes=", ".join(str(each.hop * each.frames.shape[1]) for each in streams),
    )


def _outputs(
    streams: Mapping[str, Stream], made: Sequence[CModel], written: bytes
) -> dict[str, np.ndarray]:
    outputs: dict[str, np.ndarray] = {}
    at = 0
    for (name, stream), model in zip(streams.items(), made, strict=True):
        size = stream.steps * output_bytes(model)
        found = np.frombuffer(written[at : at + size], np.int8).reshape(stream.steps, -1)
        outputs[name] = found[len(found) - len(stream.windows()) :]
        at += size
    assert at == len(written)
    return outputs
