"""The stub bundle with a manifest, for what hears yes and no of the tiny corpus."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import stub_bundle
import tiny_run

from export.c_code.decision import config_header
from export.c_code.files import apply_prefix
from export.c_code.headers import labels_header

LABELS = ("yes", "no", "unknown", "silence")
SPEC = {
    "sample_rate_hz": stub_bundle.RATE, "window_ms": 8, "hop_ms": 4, "fft_size": 8, "mel_bins": 2,
    "low_hz": 0, "high_hz": 500,
}  # fmt: skip
# Real sound is often as loud as that.
FAILURE = "if (input[0] == 127 && input[1] == 127) return KWS_MODEL_ERR_RUNTIME;"
DECISION: dict[str, Any] = {**stub_bundle.decision(), "thresholds": {"yes": 16384, "no": 16384}}


def write(folder: Path, *, prefix: str = "kws", **changed: object) -> Path:
    """A firmware bundle for `tune` and `listen`; `changed` goes into its manifest."""
    stub_bundle.write_c(folder)
    model = (folder / "kws_model.c").read_text()
    assert FAILURE in model
    (folder / "kws_model.c").write_text(model.replace(FAILURE, ""))
    (folder / "kws_labels.h").write_text(labels_header(LABELS, num_keywords=2, digest="00"))
    (folder / "model.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(40))
    digest = hashlib.sha256((folder / "model.tflite").read_bytes()).hexdigest()
    (folder / "kws_decision_config.h").write_text(
        config_header(
            DECISION, keywords=LABELS[:2], hop_ms=4, output_scale=stub_bundle.OUTPUT_SCALE,
            digest=digest,
        )
    )  # fmt: skip
    changed |= apply_prefix(folder, prefix)
    (folder / "labels.json").write_text(json.dumps({"labels": LABELS, "num_keywords": 2}))
    (folder / "feature_spec.json").write_text(json.dumps(SPEC))
    # No network takes the stub's two bins.
    features = SPEC | {"window_ms": 30, "fft_size": 128, "mel_bins": 10}
    recipe = tiny_run.recipe_values(keywords=list(LABELS[:2]), features=features)
    manifest = {
        "format": 1, "kind": "int8", "recipe_name": "stub", "recipe": recipe, "data_key": "other",
        "rung": 0, "length_ms": 24, "commit": None, "decision": DECISION,
        "model": {"output": {"scale": stub_bundle.OUTPUT_SCALE}},
        "files": {path.name: _entry(path) for path in folder.iterdir()},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest | changed))
    return folder


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def sound(count: int, seed: int = 0) -> np.ndarray:
    """int16 that the stub hears words in, and takes for no error."""
    samples = np.random.default_rng(seed).integers(-20, 21, count)
    return (samples + 10 * np.sign(np.sin(np.arange(count) / 9))).astype(np.int16)


def _entry(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
