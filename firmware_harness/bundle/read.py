"""Reads what to measure: a firmware bundle, or a lone .tflite. Checks hashes first."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, cast

from firmware_harness.errors import HarnessError
from firmware_harness.system import strict_json
from firmware_harness.system.folder_kind import FIRMWARE_BUNDLE, other_kind
from firmware_harness.system.prefix import DEFAULT, why_not

FIRMWARE_BUNDLE_FORMAT = 1
KINDS = ("int8", "float", "int16x8")
MODEL_NAME = "model.tflite"
FLOAT_NAME = "model_float.tflite"
MANIFEST_NAME = "manifest.json"
# Files with crops as the model stores them, by origin of the crops.
CROP_NAMES = {"golden": "golden.npz", "validation": "validation.npz"}
MAX_MANIFEST_BYTES = 1 << 24  # it may list every clip that a run left out
MAX_MODEL_BYTES = 2**27  # far more than any microcontroller holds
MIN_MODEL_BYTES = 16
MAX_LEVEL_DB = 200
MAX_SOURCE_BYTES = 2**29  # weights as text take about four times their size
_Kind = TypeVar("_Kind")


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A .tflite with its hash: the measured bytes are the hashed ones."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What can be measured. For a lone .tflite everything but `name` and `model` is None.

    Args:
      name: of the recipe, or of the file or folder.
      model: the model to measure.
      float_model: its float twin, if that is another file.
      crop_files: files of stored crops to run it on, by origin of the crops.
      kind: one of `KINDS`.
      recipe_name: as `pld-tf recipes` lists it; None if the bundle gives none.
      recipe: the resolved recipe, a JSON object with unchecked values.
      data_key: hash of the corpus that the model was trained on.
      excluded: paths of the clips of that corpus that the run left out.
      word_level_db: median level of the words that it was trained on, in dB of full scale.
      rung: the model's rung, from 0.
      length_ms: length of the audio that the model takes.
      commit: of the source that trained it; None outside a checkout.
      folder: the bundle's folder.
      names: of the files that its manifest lists.
      refused: why pld-tf export refused the model; None where it did not.
      prefix: of all names in its C.
    """

    name: str
    model: ModelFile
    float_model: ModelFile | None = None
    crop_files: dict[str, Path] = field(default_factory=dict[str, Path])
    kind: str | None = None
    recipe_name: str | None = None
    recipe: dict[str, Any] | None = None
    data_key: str | None = None
    excluded: tuple[str, ...] = ()
    word_level_db: float | None = None
    rung: int | None = None
    length_ms: int | None = None
    commit: str | None = None
    folder: Path | None = None
    names: frozenset[str] = frozenset()
    refused: str | None = None
    prefix: str = DEFAULT


def open_bundle(path: Path, *, refused_too: bool = False) -> Bundle:
    """Read a firmware bundle (a folder) or a lone .tflite (a file).

    Every file in the manifest is checked by size and hash, so that a figure never belongs to
    another model than the manifest describes.

    Args:
      path: folder written by `pld-tf export`, or any .tflite.
      refused_too: also open a bundle that `pld-tf export` refused.

    Returns:
      The bundle. `float_model` is None if it is the same file as `model`.

    Raises:
      HarnessError: `path` is neither, a file of the bundle is missing or changed, or the bundle was
        refused.
    """
    if not path.is_dir():
        return Bundle(name=path.name, model=read_tflite(path))
    manifest = _read_manifest(path / MANIFEST_NAME)
    kind = manifest.get("kind")
    if kind not in KINDS:
        raise HarnessError(
            f"{path / MANIFEST_NAME}: kind must be one of {', '.join(KINDS)}, got {kind!r}. "
            "Write the firmware bundle again with pld-tf export."
        )
    refused = _refusal(manifest)
    if refused is not None and not refused_too:
        raise HarnessError(
            f"pld-tf export refused {path}: {refused} pld-tf bench measures it all the same."
        )
    names = _check_files(path, manifest.get("files"))
    if MODEL_NAME not in names:
        raise HarnessError(
            f"{path / MANIFEST_NAME} lists no {MODEL_NAME}. "
            "Write the firmware bundle again with pld-tf export."
        )
    recipe_name = _text_or_none(manifest.get("recipe_name"))
    has_float = kind != "float" and FLOAT_NAME in names
    return Bundle(
        name=recipe_name or path.resolve().name,
        model=read_tflite(path / MODEL_NAME),
        float_model=read_tflite(path / FLOAT_NAME) if has_float else None,
        crop_files={origin: path / name for origin, name in CROP_NAMES.items() if name in names},
        kind=cast(str, kind),
        recipe_name=recipe_name,
        commit=_text_or_none(manifest.get("commit")),
        folder=path,
        names=names,
        refused=refused,
        prefix=_prefix(manifest, path),
        **_training(manifest, path),
    )


def _prefix(manifest: dict[str, object], folder: Path) -> str:
    prefix = manifest.get("prefix", DEFAULT)
    if not isinstance(prefix, str) or why_not(prefix) is not None:
        raise HarnessError(
            f"{folder / MANIFEST_NAME}: prefix must begin names in C, got {prefix!r}. Write the "
            "bundle again with pld-tf export."
        )
    return prefix


def _training(manifest: dict[str, object], folder: Path) -> dict[str, Any]:
    """A manifest's fields on the run; for `export --from-tflite` there is none: recipe is null."""
    where = folder / MANIFEST_NAME
    if "recipe" in manifest and manifest["recipe"] is None:
        return {}
    return {
        "recipe": _fields(manifest.get("recipe"), where, "recipe: an object"),
        "data_key": _field(manifest, "data_key", str, folder),
        "excluded": _texts(manifest.get("excluded", []), where, "excluded"),
        "word_level_db": _number_or_none(manifest.get("word_level_db"), where, "word_level_db"),
        "rung": _field(manifest, "rung", int, folder),
        "length_ms": _field(manifest, "length_ms", int, folder),
    }


def _refusal(manifest: dict[str, object]) -> str | None:
    """What a manifest's `refused` says, in one line; None where nothing was refused."""
    refused = manifest.get("refused")
    if refused is None:
        return None
    told = cast(dict[str, Any], refused) if isinstance(refused, dict) else {}
    faults = told.get("faults")
    first = cast(list[Any], faults)[:1] if isinstance(faults, list) else []
    parts = [str(cast(dict[str, Any], each).get("why")) for each in first if isinstance(each, dict)]
    if isinstance(told.get("command"), str):
        parts.append(f"This takes it as it is: {told['command']}.")
    return "".join(filter(str.isprintable, " ".join(parts))) or "its manifest does not say why."


def read_text(folder: Path, name: str) -> str:
    """A text file of an opened bundle.

    Raises:
      HarnessError: it cannot be read, is not UTF-8, or is larger than any model's C.
    """
    try:
        return _read(folder / name, MAX_SOURCE_BYTES).decode()
    except UnicodeDecodeError as error:
        raise HarnessError(f"{folder / name} is not UTF-8 text. Export it again.") from error


def read_tflite(path: Path) -> ModelFile:
    """Read a .tflite and check it as far as possible without an interpreter.

    Raises:
      HarnessError: no such file, or its size or identifier is not that of a .tflite.
    """
    if not path.is_file():
        raise HarnessError(
            f"expected a firmware bundle or a .tflite file, but {path} is neither. "
            "pld-tf export writes both."
        )
    content = _read(path, MAX_MODEL_BYTES)
    if len(content) < MIN_MODEL_BYTES or content[4:8] != b"TFL3":
        raise HarnessError(
            f"{path} is not a .tflite file: expected TFL3 at byte 4, got {content[4:8]!r} "
            f"in a file of {len(content)} bytes. Give a file written by pld-tf export."
        )
    return ModelFile(name=path.name, content=content)


def _read_manifest(path: Path) -> dict[str, object]:
    if not path.is_file():
        raise HarnessError(
            other_kind(path.parent, needed=FIRMWARE_BUNDLE)
            or f"{path.parent} holds no {path.name}; expected a firmware bundle, the folder that "
            "pld-tf export writes, or a .tflite file."
        )
    try:
        manifest = strict_json.loads(_read(path, MAX_MANIFEST_BYTES).decode())
    except ValueError as error:
        raise HarnessError(
            f"{path} is not JSON ({error}). Write the firmware bundle again with pld-tf export."
        ) from error
    fields = _fields(manifest, path, "an object")
    if fields.get("format") != FIRMWARE_BUNDLE_FORMAT:
        raise HarnessError(
            f"{path}: this version reads format {FIRMWARE_BUNDLE_FORMAT}, got "
            f"{fields.get('format')!r}. Write the firmware bundle again with this version's "
            "pld-tf export."
        )
    return fields


def _check_files(folder: Path, listed: object) -> frozenset[str]:
    files = _fields(listed, folder / MANIFEST_NAME, "files: an object of file names")
    for name, entry in files.items():
        where = folder / MANIFEST_NAME
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or "\\" in name or ".." in parts:
            raise HarnessError(
                f"{where}: file name {name!r} leaves the firmware bundle. Export it again."
            )
        fields = _fields(entry, where, f"files.{name}: an object with sha256 and bytes")
        _check_file(folder, name, size=fields.get("bytes"), sha256=fields.get("sha256"))
    return frozenset(files)


def _check_file(folder: Path, name: str, *, size: object, sha256: object) -> None:
    path = folder / name
    if not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise HarnessError(
            f"{folder / MANIFEST_NAME}: the sha256 of {name} must be 64 hexadecimal "
            "digits. Write the firmware bundle again with pld-tf export."
        )
    if not _is_file_of(folder, path):
        raise HarnessError(
            f"{path} is in the firmware bundle's manifest but not in its folder. Copy the whole "
            "firmware bundle, "
            "or write it again with pld-tf export."
        )
    actual_size = path.stat().st_size
    if actual_size != size:
        raise HarnessError(
            f"{path} has {actual_size} bytes, but the firmware bundle's manifest says {size}: the "
            "file "
            "was changed. Write the firmware bundle again with pld-tf export."
        )
    with path.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if actual != sha256:
        raise HarnessError(
            f"{path} has SHA-256 {actual[:12]}..., but the firmware bundle's manifest says "
            f"{sha256[:12]}...: the file was changed. Write the firmware bundle again with pld-tf "
            "export."
        )


def _is_file_of(folder: Path, path: Path) -> bool:
    """True for a file whose bytes lie in the folder; a link may point elsewhere."""
    try:
        inside = path.resolve(strict=True).is_relative_to(folder.resolve())
        return inside and path.is_file()
    except (OSError, ValueError, RuntimeError):  # no such file, invalid name, a loop of links
        return False


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(max_bytes + 1)
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror}.") from error
    if len(content) > max_bytes:
        raise HarnessError(f"{path} must have at most {max_bytes} bytes, but has more.")
    return content


def _fields(value: object, path: Path, expected: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise HarnessError(
            f"{path}: expected {expected}, got {type(value).__name__}. "
            "Write the firmware bundle again with pld-tf export."
        )
    return cast(dict[str, object], value)


def _field(manifest: dict[str, object], name: str, kind: type[_Kind], folder: Path) -> _Kind:
    value = manifest.get(name)
    if type(value) is not kind:  # True does not count as a number
        raise HarnessError(
            f"{folder / MANIFEST_NAME}: {name} must be {kind.__name__}, got "
            f"{type(value).__name__}. Write the firmware bundle again with this version's pld-tf "
            "export."
        )
    return value


def _texts(value: object, path: Path, name: str) -> tuple[str, ...]:
    items = cast(list[object], value) if isinstance(value, list) else [None]
    texts = tuple(item for item in items if isinstance(item, str))
    if len(texts) < len(items):
        raise HarnessError(
            f"{path}: {name} must be a list of texts. Write the firmware bundle again with pld-tf "
            "export."
        )
    return texts


def _number_or_none(value: object, path: Path, name: str) -> float | None:
    if value is None:  # bundles of an earlier version lack it
        return None
    if type(value) not in (int, float) or not abs(cast(float, value)) <= MAX_LEVEL_DB:
        raise HarnessError(
            f"{path}: {name} must be a number of at most {MAX_LEVEL_DB}, got {value!r}. Write the "
            "bundle again with pld-tf export."
        )
    return cast(float, value)


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
