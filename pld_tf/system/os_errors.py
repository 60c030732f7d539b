"""One line for what the operating system refuses: the path, the reason, what to do."""

import errno
import os
from pathlib import Path

from pld_tf.system.temporary import PREFIX

_ADVICE = {
    errno.EACCES: "Allow it, or name another place.",
    errno.EPERM: "Allow it, or name another place.",
    errno.EROFS: "Name a place that can be written to.",
    errno.ENOSPC: "Make room there.",
    errno.EDQUOT: "Make room there.",
    errno.ENAMETOOLONG: "Name a shorter one.",
    errno.ELOOP: "A link there leads back to itself; remove it.",
    errno.EFBIG: "Allow larger files with ulimit -f.",
    errno.EMFILE: "Allow more open files with ulimit -n.",
}


def os_error_line(error: OSError) -> str:
    """An error as one line, with the path that failed where the error knows it.

    >>> os_error_line(PermissionError(13, "Permission denied", "runs/a/run.json"))
    'runs/a/run.json: Permission denied. Allow it, or name another place.'
    """
    paths = " to ".join(os.fsdecode(each) for each in _paths(error))
    reason = (error.strerror or str(error) or type(error).__name__).rstrip(".")
    advice = _ADVICE.get(error.errno or 0, "") or _missing_folder(error)
    if advice and _is_temporary(error):
        advice = f"{advice[:-1]}, or name another folder in TMPDIR."
    return " ".join(part for part in (f"{paths}:" if paths else "", f"{reason}.", advice) if part)


def _paths(error: OSError) -> list[str | bytes]:
    return [
        each for each in (error.filename, error.filename2) if isinstance(each, str | bytes) and each
    ]


def _missing_folder(error: OSError) -> str:
    if error.errno != errno.ENOENT or not (paths := _paths(error)):
        return ""
    folder = Path(os.fsdecode(paths[-1])).parent
    return "" if folder.is_dir() else f"There is no folder {folder}."


def _is_temporary(error: OSError) -> bool:
    parts = [part for each in _paths(error) for part in Path(os.fsdecode(each)).parts]
    return any(part.startswith(PREFIX) for part in parts)
