"""A folder that appears whole or not at all."""

import ctypes
import errno
import os
import re
import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from pld_tf.system.temporary import beside, errors_name

_AT_FDCWD = -100  # paths are absolute or relative to the working folder
_RENAME_EXCHANGE = 2
# Errors of an old kernel, an old C library, or a file system that cannot exchange folders.
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.EPERM)


@contextmanager
def whole_folder(out: Path, *, refuse: Callable[[Path], object]) -> Generator[Path]:
    """Give a temporary folder that becomes `out` if the body succeeds, and is removed if not.

    First, leftovers of killed processes are cleared; an `out` that they had moved is put back.

    Args:
      out: the folder; an older one is replaced in one step if the system can do that.
      refuse: raises if `out` must not be replaced; called before and after the body.

    Raises:
      OSError: the folder or its parent cannot be written to, or the disk is full. It names `out`,
        what lies in it, or another path.
    """
    out = Path(os.path.realpath(out))  # a link stays, and what it leads to is replaced
    stage = beside(out, f"{os.getpid()}.new")
    try:
        with errors_name(out, temporary=stage):
            _refuse_loop(out)
            _clear_leftovers(out)
            refuse(out)
            stage.mkdir(parents=True)
            yield stage
            refuse(out)
            _take_place(stage, out)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _refuse_loop(out: Path) -> None:
    if out.is_symlink():  # no other link is left of a real path
        out.stat()


def _clear_leftovers(out: Path) -> None:
    """Remove `.new` and `.old` of dead processes; `.old` may be the only whole folder."""
    pattern = re.compile(re.escape(beside(out, "").name) + r"([1-9]\d{0,8})\.(new|old)")
    places = out.parent.iterdir() if out.parent.is_dir() else ()
    for path in sorted(places):
        named = pattern.fullmatch(path.name)
        if named is None or not path.is_dir() or _is_other_process(int(named[1])):
            continue
        if named[2] == "old" and not out.exists():
            path.rename(out)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _is_other_process(pid: int) -> bool:
    """True for a living process other than this one, which has no leftovers yet."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def _take_place(stage: Path, out: Path) -> None:
    """Rename `stage` to `out` in one step, so that readers see either the old or the new folder.

    An older `out` then has the name of `stage`, and is removed with it.
    """
    if not out.exists() or not exchange(stage, out):
        _rename_in_two_steps(stage, out)


def _rename_in_two_steps(stage: Path, out: Path) -> None:
    """Rename `stage` to `out`; until that is done, an older `out` stays complete beside it."""
    old = beside(out, f"{os.getpid()}.old")
    replaces = out.exists()
    if replaces:
        out.rename(old)
    try:
        stage.rename(out)
    except OSError:
        if replaces:
            old.rename(out)
        raise
    if replaces:
        shutil.rmtree(old)


def exchange(one: Path, other: Path) -> bool:
    """Swap two folders of one file system; False if the system cannot do that in one step.

    Source: renameat2(2), Linux 3.15 and glibc 2.28.

    Raises:
      OSError: either is missing, or may not be renamed.
    """
    if sys.platform != "linux":
        return False
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    done = renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if done == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))
