"""One process at a time packs a corpus; others that need it wait."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_NAME = "lock"


@contextmanager
def claimed(folder: Path, *, waits: Callable[[], None]) -> Iterator[None]:
    """Create `folder` and lock it against other processes, as long as it keeps its name.

    The lock is a file in the folder. Other corpora have other folders and do not wait. If the
    folder is renamed or removed, waiting processes start over.

    Args:
      folder: created with its parents.
      waits: called once if another process holds the folder.

    Raises:
      OSError: the folder can't be made or locked.
    """
    descriptor = _lock(folder, waits)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(folder: Path, waits: Callable[[], None]) -> int:
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            if folder.exists() and not folder.is_dir():
                raise
            continue  # it existed, and was renamed or removed before mkdir looked at it
        try:
            descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # renamed or removed since the line above
        try:
            _wait_for(descriptor, waits)
            if _is_file_at(descriptor, folder / LOCK_NAME):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _wait_for(descriptor: int, waits: Callable[[], None]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waits()
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_file_at(descriptor: int, path: Path) -> bool:
    """Whether the open file still has this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
