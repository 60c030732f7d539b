"""Compile a bundle's C for this machine into a shared library and load it."""

import ctypes
import hashlib
import subprocess
from pathlib import Path
from typing import Any

from firmware_harness.bundle.shared_c import host_source
from firmware_harness.errors import HarnessError
from firmware_harness.system.child import run_command, way_out
from firmware_harness.system.prefix import DEFAULT, renamed, renamed_file
from firmware_harness.system.temporary import temporary_folder
from firmware_harness.system.toolchain import host_compiler, refuse_no_programs

# Files that each part of the library needs; each part needs the one before it.
MODEL = ("kws_model.c", "kws_model.h")
FRONTEND = ("kws_frontend.c", "kws_frontend_tables.c", "kws_frontend.h", "kws_feature_spec.h")
STREAM = (
    "kws.c", "kws_decision.c", "kws.h", "kws_decision.h", "kws_decision_config.h", "kws_labels.h",
)  # fmt: skip
FLAGS = ("-std=c99", "-O2", "-fPIC", "-shared", "-w")
_MAX_SOURCE_BYTES = 256 * 2**20
_MAX_STATE_BYTES = 64 * 2**20
_COMPILE_SECONDS = 300
_REPORTED_CHARACTERS = 300

_loaded: dict[str, ctypes.CDLL] = {}


class HostCode:
    """The functions of kws_host.c, compiled with the C of a folder.

    Attributes:
      folder: folder of the C.
      parts: those of "model", "frontend" and "stream" whose files are there.
    """

    def __init__(
        self, folder: Path, library: ctypes.CDLL, parts: frozenset[str], prefix: str
    ) -> None:
        self.folder = folder
        self.parts = parts
        self._library = library
        self._prefix = prefix

    def function(self, name: str, result: Any = ctypes.c_int) -> Any:
        """The C function kws_host_`name`; `result` is its ctypes result type."""
        found = getattr(self._library, f"{self._prefix}_host_{name}")
        found.restype = result
        return found

    def size(self, name: str) -> int:
        """The size that kws_host_`name`() returns.

        Raises:
          HarnessError: more than 64 MB, which no device has.
        """
        size: int = self.function(name, ctypes.c_size_t)()
        if size > _MAX_STATE_BYTES:
            raise HarnessError(f"{name} of {self.folder} must be at most 64 MB, got {size}.")
        return size

    def checked(self, status: int) -> int:
        """The status, unchanged.

        Raises:
          HarnessError: it is negative, which means an error.
        """
        if status < 0:
            raise HarnessError(f"the C of {self.folder} gave error {status}. Export it again.")
        return status


def load_code(folder: Path, *, prefix: str = DEFAULT) -> HostCode:
    """Compile a folder's C, once per process and content.

    Raises:
      HarnessError: files are missing, there is no compiler, or it refuses the C.
    """
    parts = _parts(folder, prefix)
    contents = _read_sources(folder, parts, prefix)
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    key = digest.hexdigest()
    if key not in _loaded:
        _loaded[key] = _compile(folder, contents, parts, prefix)
    return HostCode(folder, _loaded[key], parts, prefix)


def _parts(folder: Path, prefix: str) -> frozenset[str]:
    model, *others = (
        [renamed_file(name, prefix) for name in names] for names in (MODEL, FRONTEND, STREAM)
    )
    missing = [name for name in model if not (folder / name).is_file()]
    if missing:
        raise HarnessError(
            f"{folder} holds no {missing[0]}; expected a folder written by pld-tf export --int8. "
            "Write the firmware bundle again with this version."
        )
    parts = ["model"]
    for part, names in zip(("frontend", "stream"), others, strict=True):
        if not all((folder / name).is_file() for name in names):
            break
        parts.append(part)
    return frozenset(parts)


def _read_sources(folder: Path, parts: frozenset[str], prefix: str) -> dict[str, bytes]:
    """The library's headers and sources by name, sorted."""
    wanted = ["kws.h", "kws_*.h", "kws_model.c"]
    wanted += ["kws_frontend.c", "kws_frontend_tables.c"] if "frontend" in parts else []
    wanted += ["kws.c", "kws_decision.c"] if "stream" in parts else []
    patterns = [renamed_file(name, prefix) for name in wanted]
    paths = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    try:
        if sum(path.stat().st_size for path in paths) > _MAX_SOURCE_BYTES:
            raise HarnessError(f"the C of {folder} must have at most 256 MB, but has more.")
        return {path.name: path.read_bytes() for path in paths}
    except OSError as error:
        raise HarnessError(f"cannot read {error.filename}: {error.strerror}.") from error


def _compile(
    folder: Path, contents: dict[str, bytes], parts: frozenset[str], prefix: str
) -> ctypes.CDLL:
    optional = [part for part in ("frontend", "stream") if part in parts]
    defines = ["-D" + renamed(f"KWS_HOST_{part.upper()}", prefix) for part in optional]
    sources = ["kws_host.c", *(name for name in contents if name.endswith(".c"))]
    with temporary_folder() as place:
        refuse_no_programs(place)
        for name, content in contents.items():
            (place / name).write_bytes(content)
        (place / "kws_host.c").write_text(renamed(host_source(), prefix), encoding="utf-8")
        ended = _run([*host_compiler(), *FLAGS, *defines, *sources, "-o", "kws.so"], place)
        if ended.returncode != 0:
            raise HarnessError(
                f"the C compiler refuses the C of {folder}: {_first_error(ended.stderr)}. "
                + way_out(ended, "Name another one in CC, or export the firmware bundle again.")
            )
        try:
            # Loaded into memory here, so the file may be deleted.
            return ctypes.CDLL(str(place / "kws.so"))
        except OSError as error:
            raise HarnessError(
                f"the C of {folder} does not load: {error}. Name a compiler in CC that compiles "
                "for this machine."
            ) from error


def _run(command: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    try:
        return run_command(command, folder=place, seconds=_COMPILE_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise HarnessError(
            f"the C compiler {command[0]} took more than {_COMPILE_SECONDS} s."
        ) from error


def _first_error(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line or "undefined" in line]
    return (errors or lines or ["it says nothing"])[0][:_REPORTED_CHARACTERS]
