"""Temporary files and folders, whose errors name what the user knows.

Packages that do not import each other have this same file; tests/test_twins.py compares them.
"""

import errno
import hashlib
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "pld-tf-"  # of the names of temporary folders


@contextmanager
def temporary_folder() -> Generator[Path]:
    """A folder in TMPDIR, or where the system has such folders; removed at the end.

    Raises:
      OSError: there is no place for one, or it is full.
    """
    try:
        place = tempfile.gettempdir()
    except FileNotFoundError as error:
        raise FileNotFoundError(
            errno.ENOENT, f"{error.strerror}. Make room in one of them, or name a folder in TMPDIR"
        ) from error
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=place) as name:
        folder = Path(name)
        with errors_name(folder, temporary=folder):
            yield folder


@contextmanager
def whole_file(path: Path) -> Generator[Path]:
    """Give a temporary path that becomes `path` if the body succeeds, and is removed if not.

    Raises:
      OSError: it can't be written; the error names `path`.
    """
    temporary = beside(path, "tmp")
    with errors_name(path, temporary=temporary):
        try:
            yield temporary
            temporary.replace(path)
        except BaseException:
            if temporary.is_file():
                temporary.unlink()
            raise


def beside(path: Path, ending: str) -> Path:
    """A hidden name in the folder of `path`, which is short even if that of `path` is not."""
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()
    return path.with_name(f".{digest[:16]}.{ending}")


@contextmanager
def errors_name(path: Path, *, temporary: Path) -> Generator[None]:
    """Let an OSError name `path` where it names `temporary`, what lies in that, or nothing.

    The error of a full disk names nothing.
    """
    try:
        yield
    except OSError as error:
        error.filename = _known(error.filename or str(temporary), path, temporary)
        if error.filename2 is not None:
            error.filename2 = _known(error.filename2, path, temporary)
        if error.filename2 == error.filename:
            error.filename2 = None
        raise


def _known(name: object, path: Path, temporary: Path) -> object:
    if isinstance(name, str) and Path(name).is_relative_to(temporary):
        return str(path / Path(name).relative_to(temporary))
    return name
