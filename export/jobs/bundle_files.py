"""The files of a firmware bundle made from a run: crops, C, manifest."""

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from export.c_code import files
from export.c_code.optimize import Optimize
from export.model_bundle.read import ORIGIN, ModelBundle
from export.parity.measure import MAX_CARRIED_CROPS, MODEL, evenly
from export.ports import Harness, arena_entry
from export.system.files import (
    FIRMWARE_BUNDLE_FORMAT,
    Json,
    inventory,
    sha256,
    write_npz,
    write_texts,
)
from export.tflite import interpreter
from export.tflite.facts import ModelInfo
from export.tflite.quantization import quantize

_COPIED = ("labels.json", "feature_spec.json", "feature_tables.npz")
# Hashes of the training clips, with which `pld-tf bench` tests on other data.
_TRAINED_ON = "trained_on.json"


def write_crops(bundle: ModelBundle, *, model: ModelInfo, folder: Path) -> None:
    """Write golden and validation crops as the model stores them."""
    stored: NDArray[Any] = quantize(bundle.golden_features, model.input)
    write_npz(
        folder / "golden.npz",
        audio=bundle.golden_audio,
        features=bundle.golden_features,
        logits=bundle.golden_logits,
        model_input=stored,
        model_output=interpreter.run(folder / MODEL, stored, resolver=interpreter.GOLDEN),
    )
    kept = evenly(len(bundle.validation_labels), MAX_CARRIED_CROPS)
    write_npz(
        folder / "validation.npz",
        model_input=quantize(bundle.validation_features[kept], model.input),
        labels=bundle.validation_labels[kept],
    )


def write_c(
    bundle: ModelBundle,
    model: ModelInfo,
    *,
    kind: str,
    optimize: Optimize,
    brought: Harness,
    folder: Path,
) -> Json:
    """Write labels, numbers and all C. Returns the manifest's fields on what the C needs."""
    needs = arena_entry(brought.measure_arena(folder / MODEL) if kind != "float" else None)
    for name in _COPIED:
        shutil.copyfile(bundle.directory / name, folder / name)
    if _TRAINED_ON in bundle.header["files"]:  # an earlier version wrote none
        shutil.copyfile(bundle.directory / _TRAINED_ON, folder / _TRAINED_ON)
    content = (folder / MODEL).read_bytes()
    hashes = {name: sha256(folder / name) for name in (*_COPIED, MODEL)}
    texts = {
        **files.model_data_texts(content, model, digest=hashes[MODEL], needs=needs),
        **files.spec_texts(bundle, model, hashes),
    }
    inference, decision = files.ModelC(), None
    if kind == "int8":
        decision = files.decision_of(bundle)
        hop = None if decision is None else int(decision["hops_per_inference"])
        inference = files.model_c_or_tflm(content, optimize=optimize, hop=hop)
        texts |= inference.texts | files.audio_texts(
            bundle, model, decision=decision, digest=hashes[MODEL], sources=brought.sources
        )
    write_texts(folder, texts)
    return {
        "parity": None,
        "arena": needs,
        "c_model": inference.entry,
        "c_model_refused": inference.refused,
        "decision": decision if files.DECISION_HEADER in texts else None,
    }


def origin_and_model(bundle: ModelBundle, *, model: ModelInfo, kind: str, folder: Path) -> Json:
    """The manifest's fields on what the bundle was made from, its model and its files."""
    header = bundle.header
    return {
        "format": FIRMWARE_BUNDLE_FORMAT,
        "kind": kind,
        **{name: header[name] for name in ORIGIN},
        "excluded": header.get("excluded", []),
        "word_level_db": header.get("word_level_db"),
        "commit": header.get("commit"),
        "export_versions": {name: version(name) for name in ("tensorflow", "ai-edge-litert")},
        "model": {"bytes": (folder / MODEL).stat().st_size, **model.to_dict()},
        "files": inventory(folder),
    }
