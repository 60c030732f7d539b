"""Read files that may be damaged or hostile. Write files and folders completely or not at all."""

import hashlib
import io
import json
import lzma
import math
import os
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from export.errors import ExportError
from export.system import strict_json
from export.system.own_files import folder_refusal
from export.system.whole_folder import whole_folder

FIRMWARE_BUNDLE_FORMAT = 1  # of its manifest.json
MAX_JSON_BYTES = 16 * 2**20
MAX_ARRAY_BYTES = 384 * 2**20  # of one .npz, unpacked; keeps a bundle's arrays under 1 GB

# Errors of zipfile, its decompressors and NumPy on damaged input; found by mutating files.
_DAMAGE = (
    OSError, EOFError, ValueError, TypeError, SyntaxError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError, UserWarning,
)  # fmt: skip

Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]
Json = dict[str, Any]


def sha256(path: Path) -> str:
    """Hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inventory(directory: Path) -> dict[str, Json]:
    """Hash and size of every file below `directory`, keyed by its posix name, sorted."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {
        path.relative_to(directory).as_posix(): {
            "sha256": sha256(path),
            "bytes": path.stat().st_size,
        }
        for path in paths
    }


def read_json(path: Path) -> Json:
    """Read a JSON object of at most 16 MB.

    Raises:
      ExportError: the file is missing, too large, not strict JSON or not an object.
    """
    try:
        size = path.stat().st_size
        if size > MAX_JSON_BYTES:
            raise ExportError(f"{path} must be at most {MAX_JSON_BYTES} bytes, got {size}.")
        value = strict_json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise ExportError(f"{path} is not JSON ({error}); write it again.") from error
    if not isinstance(value, dict):
        raise ExportError(f"{path} must hold a JSON object, got {type(value).__name__}.")
    return cast(Json, value)


def write_json(path: Path, value: Json) -> None:
    """Write readable JSON with sorted keys: the same value gives the same bytes."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write C files by name. Hand-written files may hold non-ASCII comments."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def write_npz(path: Path, **arrays: np.ndarray[Any, np.dtype[Any]]) -> None:
    """Write arrays; the same arrays give the same bytes."""
    # NumPy's half-written zip file would print an error to stderr if the disk is full.
    whole = io.BytesIO()
    np.savez(whole, **arrays)
    # A copy: Python 3.12 crashes if it frees a BytesIO whose view an error still holds.
    path.write_bytes(whole.getvalue())


def read_npz(path: Path) -> Arrays:
    """Load all arrays of an .npz after checking their unpacked size.

    Raises:
      ExportError: not an .npz, an array of objects, a header that disagrees with its data, or
        more than 384 MB in all (a small file can claim to hold terabytes).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # NumPy warns when it repairs a header
            with zipfile.ZipFile(path) as archive:
                _check_members(archive, path)
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except PermissionError:
        raise  # nothing is damaged
    except _DAMAGE as error:
        raise ExportError(f"{path} is not a readable .npz ({error}); write it again.") from error


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if total > MAX_ARRAY_BYTES:
        raise ExportError(f"{path} must unpack to at most {MAX_ARRAY_BYTES} bytes, got {total}.")
    for member in members:
        with archive.open(member) as file:
            declared = _declared_bytes(file)
        if declared != member.file_size:
            raise ValueError(f"the header of {member.filename} disagrees with its data")


def _declared_bytes(file: IO[bytes]) -> int:
    """Size of an .npy file by its header; NumPy would allocate that much without a check."""
    npy: Any = np.lib.format  # has no types
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(file)
    if version not in readers:
        raise ValueError(f".npy version {version} is not known")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError("an array of Python objects")
    return file.tell() + math.prod(shape) * dtype.itemsize


def is_firmware_bundle(directory: Path) -> bool:
    """True for a folder with a manifest that this package may have written."""
    try:
        manifest = read_json(directory / "manifest.json")
    except ExportError:
        return False
    return "format" in manifest and "kind" in manifest and "files" in manifest


@contextmanager
def new_folder(out: Path) -> Generator[Path]:
    """A `whole_folder` that replaces only a firmware bundle that nobody has changed.

    Raises:
      ExportError: `out` is neither such a firmware bundle nor an empty folder.
      OSError: as `whole_folder`.
    """
    with whole_folder(out, refuse=check_replaceable) as stage:
        yield stage


def check_replaceable(out: Path) -> None:
    """Check that a firmware bundle may be written to `out`.

    Raises:
      ExportError: something else is there.
    """
    if not os.path.lexists(out) or (out.is_dir() and not any(out.iterdir())):
        return
    if not is_firmware_bundle(out):
        raise ExportError(
            f"--out {out} exists and is not a firmware bundle; it stays as it is. "
            "Name a new folder, or remove this one."
        )
    files = read_json(out / "manifest.json")["files"]
    entries = cast(Json, files).items() if isinstance(files, dict) else ()
    listed = {
        name: str(cast(Json, entry).get("sha256"))
        for name, entry in entries
        if isinstance(entry, dict)
    }
    if refusal := folder_refusal(out, listed, manifest="manifest.json"):
        raise ExportError(f"--out {refusal}")
