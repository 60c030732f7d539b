"""A bundle's C with a front end and a model of a few lines, and what they compute, in NumPy."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from export.c_code.decision import config_header, default_decision
from export.c_code.headers import feature_spec_header, labels_header
from export.tflite.facts import ModelInfo, TensorInfo
from firmware_harness.bundle.shared_c import bundle_sources

LABELS = ("yes", "né", "unknown", "silence")
KEYWORDS = LABELS[:2]
RATE, WINDOW, HOP, FRAMES, BINS = 1000, 8, 4, 5, 2
OUTPUT_SCALE = 0.05
SPEC = {"sample_rate_hz": RATE, "window_ms": 8, "hop_ms": 4}
STATIC = (
    "kws_decision.h", "kws_decision.c", "kws.h", "kws.c", "kws_memory.h", "kws_memory.c",
)  # fmt: skip
EXAMPLE = "examples/kws_example.c"
STRICT = (
    "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wvla", "-Werror",
)  # fmt: skip
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

MODEL_H = f"""
#ifndef KWS_MODEL_H
#define KWS_MODEL_H
#include <stdint.h>
#define KWS_MODEL_INPUT_BYTES {FRAMES * BINS}
#define KWS_MODEL_OUTPUT_BYTES {len(LABELS)}
#define KWS_MODEL_SCRATCH_BYTES 32
#define KWS_MODEL_SCRATCH_ALIGN 16
#define KWS_MODEL_NUM_LAYERS 1
#define KWS_MODEL_OK 0
#define KWS_MODEL_ERR_ARG (-1)
#define KWS_MODEL_ERR_RUNTIME (-2)
#ifdef __cplusplus
extern "C" {{
#endif
int kws_model_run(const int8_t *input, int8_t *output, void *scratch);
#ifdef __cplusplus
}}
#endif
#endif
"""
# Logits: sums of the two bins, the latest feature, and 0; a frame of 127 in both bins is an error.
_MODEL_C = """
#include "kws_model.h"
#include <stdint.h>
#include "kws_memory.h"
int kws_model_run(const int8_t *input, int8_t *output, void *scratch)
{
    int sums[3] = {0, 0, 0};
    if ((uintptr_t)scratch % KWS_MODEL_SCRATCH_ALIGN) return KWS_MODEL_ERR_ARG;
    memset(scratch, 0x5a, KWS_MODEL_SCRATCH_BYTES);
    for (int i = 0; i < KWS_MODEL_INPUT_BYTES; i++) sums[i % 2] += input[i];
    sums[2] = input[KWS_MODEL_INPUT_BYTES - 1];
    if (input[0] == 127 && input[1] == 127) return KWS_MODEL_ERR_RUNTIME;
    for (int i = 0; i < 3; i++) {
        const int sum = sums[i] > 127 ? 127 : sums[i] < -128 ? -128 : sums[i];
        output[i] = (int8_t)sum;
    }
    output[3] = 0;
    return KWS_MODEL_OK;
}
"""
_FRONTEND_H = """
#ifndef KWS_FRONTEND_H
#define KWS_FRONTEND_H
#include <stddef.h>
#include <stdint.h>
#include "kws_feature_spec.h"
#ifdef __cplusplus
extern "C" {
#endif
struct kws_frontend {
    int16_t window[KWS_WINDOW_SAMPLES];
    int filled;
};
void kws_frontend_init(struct kws_frontend *f);
size_t kws_frontend_push(struct kws_frontend *f, const int16_t *samples, size_t count,
                         int8_t *frame, int *ready);
#ifdef __cplusplus
}
#endif
#endif
"""
# A feature is the sum of half a window, halved toward zero and clipped.
_FRONTEND_C = """
#include "kws_frontend.h"
#include "kws_memory.h"
void kws_frontend_init(struct kws_frontend *f)
{
    f->filled = 0;
}
size_t kws_frontend_push(struct kws_frontend *f, const int16_t *samples, size_t count,
                         int8_t *frame, int *ready)
{
    size_t taken = 0;
    *ready = 0;
    while (taken < count && f->filled < KWS_WINDOW_SAMPLES) {
        f->window[f->filled++] = samples[taken++];
    }
    if (f->filled < KWS_WINDOW_SAMPLES) return taken;
    for (int bin = 0; bin < KWS_BINS; bin++) {
        int sum = 0;
        for (int i = 0; i < KWS_WINDOW_SAMPLES / KWS_BINS; i++) {
            sum += f->window[bin * (KWS_WINDOW_SAMPLES / KWS_BINS) + i];
        }
        sum /= 2;
        frame[bin] = (int8_t)(sum > 127 ? 127 : sum < -128 ? -128 : sum);
    }
    f->filled = KWS_WINDOW_SAMPLES - KWS_HOP_SAMPLES;
    memmove(f->window, f->window + KWS_HOP_SAMPLES, (size_t)f->filled * sizeof f->window[0]);
    *ready = 1;
    return taken;
}
"""


def decision(**changed: object) -> dict:
    """hops_per_inference 2, smoothing 2, refractory 24 ms (2 inferences), thresholds of a half."""
    return {
        **default_decision(KEYWORDS, hop_ms=4, frames=FRAMES),
        "hops_per_inference": 2,
        "smoothing": 2,
        "refractory_ms": 24,
        "thresholds": {"yes": 16384, "né": 16384},
        **changed,
    }


def write_c(folder: Path, **changed: object) -> Path:
    """All C of a bundle but examples and the model's data; `changed` goes into its decision."""
    model = ModelInfo(
        operators={}, float_operators=(), parameters=0, macs=0,
        input=TensorInfo(shape=(1, FRAMES, BINS, 1), dtype="int8", scale=0.1, zero_point=0),
        output=TensorInfo(shape=(1, len(LABELS)), dtype="int8", scale=OUTPUT_SCALE, zero_point=0),
    )  # fmt: skip
    static = bundle_sources()
    texts = {
        "kws_model.h": MODEL_H,
        "kws_model.c": _MODEL_C,
        "kws_frontend.h": _FRONTEND_H,
        "kws_frontend.c": _FRONTEND_C,
        "kws_frontend_tables.c": "typedef int kws_no_tables;\n",
        "kws_labels.h": labels_header(LABELS, num_keywords=len(KEYWORDS), digest="00"),
        "kws_feature_spec.h": feature_spec_header(SPEC, model=model, crop_samples=24, digest="00"),
        "kws_decision_config.h": config_header(
            decision(**changed),
            keywords=KEYWORDS,
            hop_ms=4,
            output_scale=OUTPUT_SCALE,
            digest="00",
        ),
        **{name: static[name] for name in STATIC},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="ascii")
    return folder


def compiler(*names: str) -> str:
    """The first of these compilers that is there; skips the test where none is."""
    for name in names or ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return path
    pytest.skip(f"needs a compiler: {', '.join(names) or 'cc'}")


def build(folder: Path, *options: str, sources: tuple[str, ...], out: str, cc: str = "") -> Path:
    """Compile files of `folder` strictly; gives the path of what comes out."""
    command = [cc or compiler(), *options, *STRICT, *sources, "-o", out]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return folder / out


def run(*command: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    """A program that must end well; sanitizers end it otherwise."""
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        check=True,
        env=environment,
        **options,  # type: ignore[call-overload]
    )


def stub_features(samples: np.ndarray) -> np.ndarray:
    """int8 [frames, bins] of a whole recording."""
    starts = range(0, len(samples) - WINDOW + 1, HOP)
    halves = [samples[start : start + WINDOW].astype(int).reshape(BINS, -1) for start in starts]
    sums = np.array([half.sum(axis=1) for half in halves]).reshape(-1, BINS)
    return np.clip(np.trunc(sums / 2), -128, 127).astype(np.int8)


def stub_logits(frames: np.ndarray) -> np.ndarray:
    """int8 [classes] of FRAMES frames."""
    sums = [*frames.astype(int).sum(axis=0), int(frames[-1, -1]), 0]
    return np.clip(sums, -128, 127).astype(np.int8)
