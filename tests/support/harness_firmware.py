"""A model of one RELU with its C written by hand, for tests that need no generator."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_tflite

needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None, reason="needs a C compiler (Debian: gcc)"
)
needs_arm = pytest.mark.skipif(
    None in (shutil.which("arm-none-eabi-gcc"), shutil.which("cc")),
    reason="needs compilers (Debian: gcc gcc-arm-none-eabi libnewlib-arm-none-eabi)",
)
needs_qemu = pytest.mark.skipif(
    None in map(shutil.which, ("arm-none-eabi-gcc", "qemu-system-arm", "cc")),
    reason="needs Arm firmware tools (Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi "
    "qemu-system-arm gcc)",
)

VALUES = 4
KWS_MODEL_H = """\
#ifndef KWS_MODEL_H
#define KWS_MODEL_H
#include <stdint.h>
#define KWS_MODEL_INPUT_BYTES 4
#define KWS_MODEL_OUTPUT_BYTES 4
#define KWS_MODEL_SCRATCH_BYTES 0
#define KWS_MODEL_SCRATCH_ALIGN 16
#define KWS_MODEL_NUM_LAYERS 1
#define KWS_MODEL_OK 0
int kws_model_run(const int8_t *input, int8_t *output, void *scratch);
#ifdef KWS_MODEL_PROFILE
void kws_model_layer_done(int layer);
#endif
#endif
"""
KWS_MODEL_C = """\
#include "kws_model.h"
int kws_model_run(const int8_t *input, int8_t *output, void *scratch)
{
    (void)scratch;
    EXTRA;
    for (int i = 0; i < 4; i++) output[i] = (int8_t)(input[i] < -3 ? -3 : input[i]);
#ifdef KWS_MODEL_PROFILE
    kws_model_layer_done(0);
#endif
    return KWS_MODEL_OK;
}
"""
FRONTEND = {
    "kws_feature_spec.h": """\
#define KWS_WINDOW_SAMPLES 30
#define KWS_HOP_SAMPLES 20
#define KWS_CROP_SAMPLES 100
#define KWS_FRAMES 4
#define KWS_BINS 1
""",
    "kws_frontend.h": """\
#include <stddef.h>
#include <stdint.h>
struct kws_frontend { int16_t last; size_t heard; size_t due; };
void kws_frontend_init(struct kws_frontend *f);
size_t kws_frontend_push(struct kws_frontend *f, const int16_t *samples, size_t count,
                         int8_t *frame, int *ready);
""",
    # Each feature is the last sample of its window.
    "kws_frontend.c": """\
#include "kws_frontend.h"
#include "kws_feature_spec.h"
void kws_frontend_init(struct kws_frontend *f) { f->heard = 0; f->due = KWS_WINDOW_SAMPLES; }
size_t kws_frontend_push(struct kws_frontend *f, const int16_t *samples, size_t count,
                         int8_t *frame, int *ready)
{
    size_t taken = count < f->due - f->heard ? count : f->due - f->heard;
    if (taken > 0) f->last = samples[taken - 1];
    f->heard += taken;
    *ready = f->heard == f->due;
    if (*ready) { frame[0] = (int8_t)f->last; f->due += KWS_HOP_SAMPLES; }
    return taken;
}
""",
    "kws_frontend_tables.h": "extern const int kws_unused;\n",
    "kws_frontend_tables.c": '#include "kws_frontend_tables.h"\nconst int kws_unused = 0;\n',
}


def relu() -> bytes:
    """int8 [1, 4]; the zero point is -3."""
    return tiny_tflite.one_operator("RELU", [tiny_tflite.tensor([1, VALUES])] * 2, inputs=1)


def model_c(extra: str = "(void)0") -> dict[str, str]:
    """kws_model.h and kws_model.c of that model; `extra` is a C statement that runs first."""
    return {"kws_model.h": KWS_MODEL_H, "kws_model.c": KWS_MODEL_C.replace("EXTRA", extra)}


def write_model(folder: Path) -> Path:
    path = folder / "relu.tflite"
    path.write_bytes(relu())
    return path


def golden_audio() -> np.ndarray:
    return np.random.default_rng(5).integers(-128, 128, (3, 100)).astype(np.int16)


def golden_features() -> np.ndarray:
    """The last sample of each window."""
    return golden_audio()[:, [29, 49, 69, 89]].astype(np.int8)[..., None]


def write_bundle(folder: Path, *, extra: str = "(void)0", features=None) -> Path:
    """A bundle with front end and three golden crops; `features` in place of TensorFlow's."""
    folder.mkdir()
    (folder / "model.tflite").write_bytes(relu())
    for name, text in (model_c(extra) | FRONTEND).items():
        (folder / name).write_text(text)
    stored = golden_features() if features is None else features
    np.savez(folder / "golden.npz", audio=golden_audio(), model_input=stored)
    files = {
        path.name: {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in folder.iterdir()
    }
    manifest = {"format": 1, "kind": "int8", "recipe_name": None, "recipe": None, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
