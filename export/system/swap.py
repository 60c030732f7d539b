"""Two folders change places in one step, where the system can do that. Not Windows."""

import ctypes
import errno
import os
import sys
from pathlib import Path

_AT_FDCWD = -100  # paths are absolute or relative to the working folder
_RENAME_EXCHANGE = 2
# An old kernel, an old C library, a file system that cannot.
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.EPERM)


def exchange(one: Path, other: Path) -> bool:
    """Swap two folders of one file system, or give False where that takes several steps.

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
