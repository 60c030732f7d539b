"""Which files a command wrote itself. It replaces those while nobody has changed them, no others.

A firmware bundle lists its files in its manifest. For files in a folder of the user, a hidden list
lies beside them, in the form of sha256sum.
"""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

LIST_NAME = ".pld-tf.sha256"
_LINE = re.compile(r"([0-9a-f]{64})  ([^/\0]+)")
_MAX_LIST_BYTES = 2**20


def files_refusal(paths: Sequence[Path], *, option: str) -> str | None:
    """Why a command must not write `paths`, in one line; None where it may.

    Args:
      paths: files to write.
      option: what names them on the command line, as "--out".
    """
    foreign = [path for path in paths if os.path.lexists(path) and not _is_own(path)]
    if not foreign:
        return None
    one = len(foreign) == 1
    return (
        f"{' and '.join(map(str, foreign))} {'exists' if one else 'exist'}, and pld-tf did not "
        f"write {'it' if one else 'them'}, or {'it was' if one else 'they were'} changed since; "
        f"nothing was written. Rename or remove {'it' if one else 'them'}, or give another "
        f"{option}."
    )


def folder_refusal(folder: Path, listed: Mapping[str, str], *, manifest: str) -> str | None:
    """Why a command must not replace a folder, in one line; None where it may.

    Args:
      folder: which a command has written.
      listed: SHA-256 of its files by posix name, as its manifest gives them.
      manifest: name of the manifest, which does not list itself.
    """
    present = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = [path.relative_to(folder).as_posix() for path in present]
    foreign = [
        name for name in names if name != manifest and _sha256(folder / name) != listed.get(name)
    ]
    if not foreign:
        return None
    more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
    return (
        f"{folder} holds files that pld-tf did not write, or that were changed since: "
        f"{', '.join(foreign[:3])}{more}; it stays as it is. Move them out, or name another folder."
    )


def record_files(paths: Sequence[Path]) -> None:
    """Remember that these files were written now. Without that they count as the user's."""
    for folder in {path.parent for path in paths}:
        listed = _listed(folder)
        listed |= {path.name: _sha256(path) for path in paths if path.parent == folder}
        kept = {name: digest for name, digest in listed.items() if (folder / name).exists()}
        text = "".join(f"{digest}  {name}\n" for name, digest in sorted(kept.items()))
        temporary = folder / f"{LIST_NAME}.{os.getpid()}"
        with suppress(OSError):  # then a later run leaves the files as they are
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(folder / LIST_NAME)


def _is_own(path: Path) -> bool:
    digest = _listed(path.parent).get(path.name)
    return digest is not None and digest == _sha256(path)


def _listed(folder: Path) -> dict[str, str]:
    try:
        with (folder / LIST_NAME).open("rb") as file:
            text = file.read(_MAX_LIST_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        return {}
    matches = (_LINE.fullmatch(line) for line in text.splitlines())
    return {match[2]: match[1] for match in matches if match}


def _sha256(path: Path) -> str:
    """Hash of a file's bytes; empty for what is no file or can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
