"""Inputs to compare kernels on: the crops that a bundle holds, or random ones."""

import io
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.bundle.read import Bundle
from firmware_harness.errors import HarnessError
from firmware_harness.runtimes.interpreter import Model, TensorInfo

RANDOM_INPUTS = 200
SEED = 20201
MAX_BYTES = 384 * 2**20  # of one .npz, packed or unpacked
_ARRAY, _AUDIO = "model_input", "audio"
_DAMAGE = (
    OSError, EOFError, KeyError, ValueError, TypeError, SyntaxError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError, UserWarning,
)  # fmt: skip


def comparison_inputs(
    bundle: Bundle, model: Model, *, most: int | None = None
) -> tuple[dict[str, int], list[NDArray[Any]]]:
    """Inputs as the model stores them, and how many there are of each origin.

    Args:
      bundle: gives its golden and validation crops, if it has any.
      model: of that bundle; takes integers.
      most: limit on stored crops; None for all. Files are used in order. From the first that no
        longer fits, evenly spread crops are taken.

    Returns:
      Counts by origin ("golden", "validation" or "random"), and for each of the model's inputs
      an array of shape [inputs, *shape].

    Raises:
      HarnessError: stored crops are damaged, or do not fit the model.
    """
    stored = {name: _read_crops(bundle, name, model) for name in bundle.crop_files}
    if not stored:
        return {"random": RANDOM_INPUTS}, random_inputs(model.inputs, RANDOM_INPUTS)
    if most is not None:
        stored = _spread(stored, most)
    counts = {name: len(crops) for name, crops in stored.items()}
    return counts, [np.concatenate(list(stored.values()))]


def golden_audio(bundle: Bundle) -> tuple[NDArray[np.int16], NDArray[Any]] | None:
    """Golden crops as audio, and TensorFlow's features of them as the model stores them.

    Returns:
      int16 [crops, samples] and [crops, frames, bins]; None for a bundle without golden crops.

    Raises:
      HarnessError: the stored arrays are damaged, or do not belong together.
    """
    path = bundle.crop_files.get("golden")
    if path is None:
        return None
    audio, features = _read_stored(path, _AUDIO), _read_stored(path, _ARRAY)
    if (
        (audio.dtype, audio.ndim, features.ndim) != (np.int16, 2, 3)
        or audio.size == 0
        or len(audio) != len(features)
    ):
        raise HarnessError(
            f"{path} has {_AUDIO} {audio.dtype} {list(audio.shape)} and {_ARRAY} "
            f"{list(features.shape)}, expected int16 [crops, samples] and [crops, frames, bins]. "
            "Write the bundle again with pld-tf export."
        )
    return audio, features


def random_inputs(infos: tuple[TensorInfo, ...], count: int) -> list[NDArray[Any]]:
    """The same inputs on every call, from the whole range of their integer types."""
    generator = np.random.default_rng(SEED)
    return [
        np.frombuffer(
            generator.bytes(count * info.elements * np.dtype(info.dtype).itemsize), info.dtype
        ).reshape(count, *info.shape)
        for info in infos
    ]


def _read_crops(bundle: Bundle, name: str, model: Model) -> NDArray[Any]:
    path = bundle.crop_files[name]
    crops = _read_stored(path, _ARRAY)
    info = model.inputs[0]
    if (
        len(model.inputs) != 1
        or crops.size == 0
        or crops.dtype != info.dtype
        or crops.size != len(crops) * info.elements
    ):
        raise HarnessError(
            f"{path} has {_ARRAY} {crops.dtype} {list(crops.shape)}, but {model.file.name} takes "
            f"{len(model.inputs)} input(s), the first {info.dtype} {list(info.shape)}. Write the "
            "bundle again with pld-tf export."
        )
    return crops.reshape(-1, *info.shape)


def _spread(stored: dict[str, NDArray[Any]], most: int) -> dict[str, NDArray[Any]]:
    fewer: dict[str, NDArray[Any]] = {}
    for name, crops in stored.items():
        room = most - sum(map(len, fewer.values()))
        if room > 0:
            places = np.arange(min(room, len(crops))) * len(crops) // min(room, len(crops))
            fewer[name] = crops[places]
    return fewer


def _read_stored(path: Path, name: str) -> NDArray[Any]:
    try:
        with path.open("rb") as file:
            return _read_array(file.read(MAX_BYTES), name)
    except PermissionError:
        raise  # nothing is damaged
    except _DAMAGE as error:
        raise HarnessError(
            f"{path} holds no readable array {name} ({' '.join(str(error).split())}). Write the "
            "bundle again with pld-tf export."
        ) from error


def _read_array(content: bytes, name: str) -> NDArray[Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = archive.getinfo(f"{name}.npy")
        if member.file_size > MAX_BYTES:
            raise ValueError(f"it would unpack to {member.file_size} bytes")
        with archive.open(member) as file:
            data = file.read(MAX_BYTES)
    header = io.BytesIO(data)
    # NumPy would allocate what a header declares, without a check.
    npy: Any = np.lib.format  # has no types
    if npy.read_magic(header) != (1, 0):
        raise ValueError("an .npy of another version than 1.0")
    shape, _, dtype = npy.read_array_header_1_0(header)
    if dtype.hasobject or header.tell() + math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError("its header disagrees with its data")
    if not shape:
        raise ValueError("it holds one number and no crops")
    return np.load(io.BytesIO(data), allow_pickle=False)
