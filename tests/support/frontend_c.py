"""The front end's C for a feature spec, compiled for this machine, and audio to give it."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
from stub_bundle import STRICT, compiler

from export.c_code.frontend import generate
from export.c_code.headers import feature_spec_header
from export.tflite.facts import ModelInfo, TensorInfo
from firmware_harness.bundle.shared_c import bundle_sources
from pld_tf.features.spec import FeatureSpec
from pld_tf.features.tables import make_tables

# The scale of a model that is trained on features of about -3 to 3.
INPUT_SCALE, ZERO_POINT = 0.03, -10
SPECS = {
    "40 mel bins": FeatureSpec(),
    "10 mfcc": FeatureSpec(mfcc=10),
    "radix 2 first": FeatureSpec(window_ms=40, hop_ms=20, fft_size=1024, mel_bins=64),
    "radix 2 first at 8 kHz": FeatureSpec(sample_rate_hz=8000, fft_size=256, high_hz=3800),
    "hop as long as window": FeatureSpec(window_ms=32, hop_ms=32, mel_bins=20, mfcc=20),
    "hop of 16 samples": FeatureSpec(window_ms=16, hop_ms=1, fft_size=256, mel_bins=12),
    "window of a second": FeatureSpec(
        sample_rate_hz=48000, window_ms=1000, hop_ms=500, fft_size=65536, mel_bins=9,
        low_hz=0, high_hz=24000,
    ),
    "smallest": FeatureSpec(
        sample_rate_hz=1000, window_ms=3, hop_ms=2, fft_size=4, mel_bins=1, low_hz=0, high_hz=500,
        log_floor=1,
    ),
    "two passes": FeatureSpec(
        sample_rate_hz=1000, window_ms=16, hop_ms=5, fft_size=16, mel_bins=3, low_hz=0,
        high_hz=500, mfcc=2, log_floor=10**9, log2_offset=-3.5, log2_scale=0.7,
    ),
}  # fmt: skip
SLOW = "window of a second"
every_spec = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == SLOW else ()) for name in SPECS]
)


def sources(
    spec: FeatureSpec, *, frames: int = 24, scale: float = INPUT_SCALE, zero_point: int = ZERO_POINT
) -> dict[str, str]:
    """All files that the front end is made of."""
    tables = generate(
        spec=spec.to_dict(),
        tables=make_tables(spec).arrays(),
        input_scale=scale,
        input_zero_point=zero_point,
    )
    model = ModelInfo(
        operators={}, float_operators=(), parameters=0, macs=0,
        input=TensorInfo(
            shape=(1, frames, spec.bins, 1), dtype="int8", scale=scale, zero_point=zero_point
        ),
        output=TensorInfo(shape=(1, 2), dtype="int8", scale=0.1, zero_point=0),
    )  # fmt: skip
    crop = spec.window_samples + (frames - 1) * spec.hop_samples
    static = bundle_sources()
    return {
        "kws_feature_spec.h": feature_spec_header(
            spec.to_dict(), model=model, crop_samples=crop, digest="00"
        ),
        **{name: static[name] for name in FILES},
        **tables,
    }


def write(folder: Path, texts: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="ascii")
    return folder


FILES = ("kws_frontend.h", "kws_frontend.c", "kws_memory.h", "kws_memory.c")


class CFrontend:
    """kws_frontend.c of one spec, through ctypes."""

    def __init__(self, folder: Path, spec: FeatureSpec, **quantization: float) -> None:
        self.spec = spec
        write(folder, sources(spec, **quantization))  # type: ignore[arg-type]
        size = '#include "kws_frontend.h"\nextern const size_t size;\n'
        (folder / "size.c").write_text(size + "const size_t size = sizeof(struct kws_frontend);\n")
        command = [compiler(), "-std=c99", "-O2", *STRICT, "-fPIC", "-shared"]
        files = ["kws_frontend.c", "kws_frontend_tables.c", "size.c"]
        subprocess.run([*command, *files, "-o", "frontend.so"], cwd=folder, check=True)
        self._library = ctypes.CDLL(str(folder / "frontend.so"))
        self.state_bytes = ctypes.c_size_t.in_dll(self._library, "size").value
        # A state on a stack begins with anything.
        self._state = ctypes.create_string_buffer(b"\xa5" * self.state_bytes, self.state_bytes)
        self.begin()

    def begin(self) -> None:
        self._library.kws_frontend_init(self._state)

    def push(self, samples: np.ndarray) -> tuple[int, np.ndarray | None]:
        """One call: samples taken, and a frame if one was ready."""
        samples = np.ascontiguousarray(samples, np.int16)
        frame, ready = np.full(self.spec.bins, 99, np.int8), ctypes.c_int(7)
        push = self._library.kws_frontend_push
        push.restype = ctypes.c_size_t
        taken = push(
            self._state,
            ctypes.c_void_p(samples.ctypes.data if len(samples) else None),
            ctypes.c_size_t(len(samples)),
            ctypes.c_void_p(frame.ctypes.data),
            ctypes.byref(ready),
        )
        assert ready.value in (0, 1)
        return taken, frame if ready.value else None

    def hear(self, pieces: list[np.ndarray]) -> np.ndarray:
        """int8 [frames, bins] of a stream that begins now and comes in these pieces."""
        self.begin()
        frames = []
        for piece in pieces:
            rest = piece
            while True:
                taken, frame = self.push(rest)
                frames += [] if frame is None else [frame]
                rest = rest[taken:]
                if not len(rest):
                    break
        return np.array(frames, np.int8).reshape(-1, self.spec.bins)


def audio(spec: FeatureSpec) -> dict[str, np.ndarray]:
    """What is hard for integers, each long enough for a few frames; int16."""
    hops = 6 if spec.window_samples < 5000 else 1
    count = spec.window_samples + hops * spec.hop_samples + 1
    n = np.arange(count)
    rng = np.random.default_rng(1)
    period = max(2, spec.sample_rate_hz // 1000)
    square = np.where(n // (period // 2 or 1) % 2, 32767, -32768)
    sweep = 32767 * np.sin(np.pi * n * n / (2 * count))
    click = np.where(n == spec.window_samples // 2, 32767, 0)
    one = np.where(n % 2, 1, -1)
    all_ = {
        "silence": np.zeros(count),
        "lowest": np.full(count, -32768),
        "highest": np.full(count, 32767),
        "alternating": np.where(n % 2, 32767, -32768),
        "square wave": square,
        "loud noise": rng.choice([-32768, 32767], count),
        "noise": rng.integers(-2000, 2001, count),
        "soft noise": rng.integers(-2, 3, count),
        "sweep": sweep,
        "click": click,
        "one": one,
    }
    return {name: np.rint(values).astype(np.int16) for name, values in all_.items()}
