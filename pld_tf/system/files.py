"""Files that are either whole or absent."""

import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pld_tf.errors import PldError
from pld_tf.system.own_files import files_refusal
from pld_tf.system.temporary import whole_file


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text under a temporary name, then rename."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON under a temporary name, then rename."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays under a temporary name, then rename."""
    # With a full disk, NumPy's unfinished zip file would print an error on stderr.
    whole = io.BytesIO()
    np.savez(whole, **arrays)
    # A copy: Python 3.12 crashes when it collects a BytesIO whose view an error still holds.
    write_bytes(path, whole.getvalue())


def refuse_foreign(paths: Sequence[Path], *, option: str) -> None:
    """Refuse to replace files that are not as pld-tf wrote them.

    Raises:
      PldError: there is such a file.
    """
    if refusal := files_refusal(paths, option=option):
        raise PldError(refusal)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes under a temporary name, then rename."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Arrays by name. Reads through memory, because NumPy leaves a damaged archive open."""
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
        return dict(file)


# RuntimeError: a flipped bit may mark a member as encrypted or of unknown compression.
_DAMAGE = (
    *(OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)


@contextmanager
def told_when_damaged(folder: Path) -> Iterator[None]:
    """Turn errors from damaged files into one line that names their folder."""
    try:
        yield
    except PermissionError:
        raise  # nothing is damaged
    except _DAMAGE as error:
        raise PldError(
            f"{folder} is damaged: {error}. Remove that folder, and the same command makes it anew."
        ) from error


def outside_working_folder(directory: Path) -> Path:
    """The absolute path of a folder that is to appear as a whole.

    Raises:
      PldError: it is the working folder. Replacing it would leave the user's shell in a deleted
        folder.
    """
    absolute = Path(os.path.realpath(directory))  # resolve() fails otherwise on a loop of links
    if absolute == Path.cwd():
        raise PldError(
            f"{directory} is the folder you are in, where a corpus can't appear as a whole. "
            "Name a new folder, as ./speech."
        )
    return absolute
