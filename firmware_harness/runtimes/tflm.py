"""Runs a model on TensorFlow Lite Micro's own kernels, on this machine. Needs the extra `tflm`."""

import io
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.bundle.read import read_tflite
from firmware_harness.errors import HarnessError
from firmware_harness.runtimes.interpreter import Model
from firmware_harness.system.child import ending, run_module, way_out
from firmware_harness.system.temporary import temporary_folder

PACKAGE = "tflite-micro"
INT8_ENDS = (
    "Take the ends off an int8 model with pld-tf export --from-tflite MODEL --out BUNDLE, and give "
    "that BUNDLE; or convert the model with full integer quantization."
)
_INTEGERS = ("int8", "uint8", "int16")
_TOTAL = re.compile(r"Arena allocation (head|tail) (\d+) bytes")
_PART = re.compile(r"'([^'\n]+)' used (\d+) bytes")


@dataclass(frozen=True, kw_only=True)
class Arena:
    """TFLM's memory on this machine, where pointers have 8 bytes; on a device they have 4.

    Args:
      bytes: the smallest arena that it can plan in, to 16 bytes; found by trying.
      head_bytes: shared memory of tensors that live for a part of an inference (non-persistent).
      tail_bytes: permanent memory: structures, quantization, kernels' data.
      parts: parts of the tail by the allocator's names; parts of 0 bytes are left out.
    """

    bytes: int
    head_bytes: int
    tail_bytes: int
    parts: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class TflmRun:
    """Outputs of a model, each of shape [inputs, *shape], and the arena it needed."""

    outputs: tuple[NDArray[Any], ...]
    arena: Arena


def tflm_version() -> str | None:
    """Version of the package tflite-micro; None without it."""
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        return None


def require_tflm() -> str:
    """Version of the package tflite-micro.

    Raises:
      HarnessError: it is not installed.
    """
    version = tflm_version()
    if version is None:
        raise HarnessError(
            f"TFLite Micro on this machine needs the package {PACKAGE}, which is not installed: "
            "pip install 'tflite-micro==0.dev20261023182759'."
        )
    return version


def require_integers(model: Model, *, target: str) -> None:
    """Refuse a model whose inputs or outputs are not 8 or 16 bit integers.

    Raises:
      HarnessError: they are not.
    """
    for info in (*model.inputs, *model.outputs):
        if info.dtype not in _INTEGERS:
            raise HarnessError(
                f"--target {target} needs integers from input to output, but {model.file.name} "
                f"has {info.dtype} there. {INT8_ENDS}"
            )


def arena_of_file(path: Path) -> dict[str, int | str] | None:
    """The arena of a .tflite as in a manifest; None without the package tflite-micro.

    Raises:
      HarnessError: the file is damaged, or TFLM cannot run it.
    """
    version = tflm_version()
    if version is None:
        return None
    arena = measure_arena(Model(read_tflite(path), resolver="reference"))
    return {
        "bytes": arena.bytes,
        "head_bytes": arena.head_bytes,
        "tail_bytes": arena.tail_bytes,
        "version": version,
    }


def measure_arena(model: Model) -> Arena:
    """The arena alone, from one inference on zeros.

    Raises:
      HarnessError: as `run_tflm`.
    """
    zeros = [np.zeros((1, *info.shape), info.dtype) for info in model.inputs]
    return run_tflm(model, zeros).arena


def run_model(path: Path, inputs: NDArray[Any]) -> NDArray[Any] | None:
    """Outputs of a .tflite for each input; None without tflite-micro.

    Args:
      path: the model.
      inputs: as the model stores them, shape [inputs, ...]; if it has several inputs, their values
        follow each other.

    Returns:
      Outputs as the model stores them, shape [inputs, values]; several follow each other.

    Raises:
      HarnessError: as `run_tflm`.
    """
    if tflm_version() is None:
        return None
    model = Model(read_tflite(path), resolver="reference")
    ends = np.cumsum([info.elements for info in model.inputs])[:-1]
    parts = np.split(inputs.reshape(len(inputs), -1), ends, axis=1)
    shaped = [part.reshape(-1, *info.shape) for part, info in zip(parts, model.inputs, strict=True)]
    outputs = run_tflm(model, shaped).outputs
    return np.concatenate([each.reshape(len(inputs), -1) for each in outputs], axis=1)


def run_tflm(model: Model, inputs: Sequence[NDArray[Any]]) -> TflmRun:
    """Run inputs one after the other, in a process of its own, because a bad model may kill it.

    Args:
      model: already checked, because the TFLite interpreter loaded it; TFLM checks no offset.
      inputs: for each of the model's inputs, its values of shape [inputs, *shape].

    Raises:
      HarnessError: no tflite-micro, or TFLM cannot run the model; the text has its last lines.
    """
    require_tflm()
    with temporary_folder() as folder:
        (folder / "model.tflite").write_bytes(model.file.content)
        np.savez(folder / "inputs.npz", **{str(index): each for index, each in enumerate(inputs)})
        ended = run_module(
            "firmware_harness.runtimes.tflm_child",
            str(folder),
            str(len(model.outputs)),
            *(["stream"] if model.is_stream else []),
            folder=folder,
        )
        if ended.returncode != 0:
            raise HarnessError(
                f"TFLite Micro cannot run {model.file.name}: its process {ending(ended)}. "
                + way_out(ended, "Use operators and types that it has, or another --target.")
            )
        return TflmRun(
            outputs=_read_outputs(folder / "outputs.npz", len(model.outputs)),
            arena=_arena(ended),
        )


def _read_outputs(path: Path, count: int) -> tuple[NDArray[Any], ...]:
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
        return tuple(stored[str(index)] for index in range(count))


def _arena(ended: subprocess.CompletedProcess[str]) -> Arena:
    totals = {name: int(size) for name, size in _TOTAL.findall(ended.stderr)}
    parts = {name: int(size) for name, size in _PART.findall(ended.stderr)}
    return Arena(
        bytes=int(ended.stdout),
        head_bytes=totals["head"],
        tail_bytes=totals["tail"],
        parts={name: size for name, size in parts.items() if size},
    )
