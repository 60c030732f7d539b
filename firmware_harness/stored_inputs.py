"""Inputs to compare kernels on: the crops that a bundle carries, or random ones."""

import io
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.bundle import Bundle
from firmware_harness.errors import HarnessError
from firmware_harness.interpreter import Model, TensorInfo

RANDOM_INPUTS = 200
SEED = 20201
MAX_BYTES = 384 * 2**20  # of one .npz, packed or unpacked
_ARRAY = "model_input"
_DAMAGE = (
    OSError, EOFError, KeyError, ValueError, TypeError, SyntaxError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError, UserWarning,
)  # fmt: skip


def comparison_inputs(bundle: Bundle, model: Model) -> tuple[dict[str, int], list[NDArray[Any]]]:
    """Inputs as the model stores them, and how many there are of each origin.

    Args:
      bundle: gives its golden and validation crops, where it has any.
      model: of that bundle; takes integers.

    Returns:
      Counts by origin ("golden", "validation" or "random"), and for each of the model's inputs
      an array of shape [inputs, *shape].

    Raises:
      HarnessError: stored crops are damaged, or are not what the model takes.
    """
    stored = {name: _read_crops(bundle, name, model) for name in bundle.crop_files}
    if not stored:
        return {"random": RANDOM_INPUTS}, random_inputs(model.inputs, RANDOM_INPUTS)
    counts = {name: len(crops) for name, crops in stored.items()}
    return counts, [np.concatenate(list(stored.values()))]


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
    try:
        with path.open("rb") as file:
            crops = _read_array(file.read(MAX_BYTES))
    except _DAMAGE as error:
        raise HarnessError(
            f"{path} holds no readable array {_ARRAY} ({' '.join(str(error).split())}). Write the "
            "bundle again with pld-tf export."
        ) from error
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


def _read_array(content: bytes) -> NDArray[Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = archive.getinfo(f"{_ARRAY}.npy")
        if member.file_size > MAX_BYTES:
            raise ValueError(f"it would unpack to {member.file_size} bytes")
        with archive.open(member) as file:
            data = file.read(MAX_BYTES)
    header = io.BytesIO(data)
    # NumPy would allocate what a header declares, unseen.
    npy: Any = np.lib.format  # has no types
    if npy.read_magic(header) != (1, 0):
        raise ValueError("an .npy of another version than 1.0")
    shape, _, dtype = npy.read_array_header_1_0(header)
    if dtype.hasobject or header.tell() + math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError("its header disagrees with its data")
    if not shape:
        raise ValueError("it holds one number and no crops")
    return np.load(io.BytesIO(data), allow_pickle=False)
