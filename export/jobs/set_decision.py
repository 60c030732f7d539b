"""Replace the decision of a firmware bundle, its header and its manifest, in one step."""

import shutil
from pathlib import Path
from typing import cast

from export.c_code.decision import config_header
from export.errors import ExportError
from export.system.files import (
    FIRMWARE_BUNDLE_FORMAT,
    Json,
    read_json,
    sha256,
    write_json,
)
from export.system.folder_kind import FIRMWARE_BUNDLE, other_kind
from export.system.prefix import DEFAULT, renamed, renamed_file, why_not
from export.system.whole_folder import whole_folder

_HEADER = "kws_decision_config.h"


def read_decision(bundle: Path) -> Json:
    """manifest["decision"] of a bundle that takes audio.

    Raises:
      ExportError: the bundle has none.
    """
    manifest = _checked_manifest(bundle)
    _header(bundle, manifest, manifest["decision"])
    return manifest["decision"]


def write_decision(bundle: Path, decision: Json) -> Json:
    """Replace the decision of a bundle. At any moment the old or the new bundle is complete.

    Args:
      bundle: folder written by `pld-tf export`. Its other files stay.
      decision: manifest["decision"] as docs/formats.md describes it.

    Returns:
      the manifest.

    Raises:
      ExportError: the bundle takes no audio, its files were changed, a number is out of its range,
        or the disk is full.
    """
    manifest = _checked_manifest(bundle)
    text = _header(bundle, manifest, decision)
    # Every file is copied, the user's own too, so the old folder may be replaced.
    with whole_folder(bundle.resolve(), refuse=lambda out: None) as stage:
        _copy(bundle, stage)
        header, prefix = _header_name(manifest), str(manifest.get("prefix", DEFAULT))
        (stage / header).write_text(renamed(text, prefix), encoding="ascii")
        manifest["decision"] = decision
        manifest["files"][header] = _entry(stage / header)
        write_json(stage / "manifest.json", manifest)
    return manifest


def _copy(bundle: Path, stage: Path) -> None:
    """All files, up to the first error: `shutil.copytree` would gather errors in a list."""
    for path in sorted(bundle.rglob("*")):
        copy = stage / path.relative_to(bundle)
        if path.is_dir() and not path.is_symlink():
            copy.mkdir()
        else:
            shutil.copy2(path, copy, follow_symlinks=False)


def _checked_manifest(bundle: Path) -> Json:
    if problem := other_kind(bundle, needed=FIRMWARE_BUNDLE):
        raise ExportError(problem)
    if not (bundle / "manifest.json").is_file():
        raise ExportError(
            f"{bundle} is no firmware bundle: it has no manifest.json. Give a folder of pld-tf "
            "export RUN --int8."
        )
    manifest = read_json(bundle / "manifest.json")
    files = manifest.get("files")
    decides = isinstance(manifest.get("decision"), dict) and isinstance(files, dict)
    known = manifest.get("format") == FIRMWARE_BUNDLE_FORMAT
    header = _header_name(manifest)
    if not known or not decides or header not in cast(Json, files):
        raise ExportError(
            f"{bundle} is no firmware bundle that hears audio: its manifest must have format "
            f"{FIRMWARE_BUNDLE_FORMAT}, a decision, and list {header}. Write it again with "
            "pld-tf export --int8."
        )
    listed = cast(Json, files)[header]
    if not (bundle / header).is_file() or listed != _entry(bundle / header):
        raise ExportError(
            f"{bundle / header} was changed since it was written; write the firmware bundle again "
            "with "
            "pld-tf export, or put the old file back."
        )
    return manifest


def _header_name(manifest: Json) -> str:
    prefix = manifest.get("prefix", DEFAULT)
    if not isinstance(prefix, str) or why_not(prefix) is not None:
        raise ExportError(f"a manifest's prefix must begin names in C, got {prefix!r}.")
    return renamed_file(_HEADER, prefix)


def _header(bundle: Path, manifest: Json, decision: Json) -> str:
    labels = read_json(bundle / "labels.json")
    spec = read_json(bundle / "feature_spec.json")
    try:
        return config_header(
            decision,
            keywords=[str(label) for label in labels["labels"]][: int(labels["num_keywords"])],
            hop_ms=int(spec["hop_ms"]),
            output_scale=float(manifest["model"]["output"]["scale"]),
            digest=str(manifest["files"]["model.tflite"]["sha256"]),
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ExportError(
            f"labels.json, feature_spec.json or manifest.json of {bundle} lacks what a decision "
            f"needs ({error!r}); write the firmware bundle again with pld-tf export."
        ) from error


def _entry(path: Path) -> Json:
    return {"sha256": sha256(path), "bytes": path.stat().st_size}
