"""Find the files of a folder of recorded words, and count the files that are not read."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from pld_tf.errors import PldError

NOISE_FOLDER = "_background_noise_"
AUDIO_SUFFIXES = (
    *(".wav", ".wave", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aiff", ".aif", ".aifc", ".au", ".snd", ".caf"),
)
LAYOUT = "<word>/<speaker>_nohash_<n>.wav, or <word>/<any name>.wav, .flac, .ogg or .mp3"
# Notes on recordings, which nobody mistakes for a recording.
_TEXT_SUFFIXES = (".md", ".txt", ".csv", ".tsv", ".json")


@dataclass(frozen=True, kw_only=True)
class Found:
    """One audio file. `path` is relative to the corpus. Size and time are 0 if the file can't be
    reached, as with a broken link."""

    path: str
    size: int
    mtime_ns: int
    is_readable: bool


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The contents of a folder.

    Args:
      words: audio files by word.
      noise: audio files of the noise folder.
      notes: one line each on files that are not read.
    """

    words: dict[str, list[Found]]
    noise: list[Found]
    notes: tuple[str, ...]


def scan(root: Path) -> Scan:
    """Scan each folder of `root`, one level deep, so links cannot loop.

    Raises:
      PldError: there is no such folder, a folder can't be opened, or a name is not UTF-8.
    """
    require_folder(root)
    words: dict[str, list[Found]] = {}
    noise: list[Found] = []
    unread: Counter[str] = Counter()
    folders, gone = _subfolders(root)
    for folder in folders:
        if folder == NOISE_FOLDER:
            noise = list(_audio_files(root, folder, unread))
        elif not folder.startswith(("_", ".")):
            words[folder] = list(_audio_files(root, folder, unread))
    return Scan(words=words, noise=noise, notes=(*_gone_notes(gone), *_unread_notes(unread)))


def require_folder(root: Path) -> None:
    """Refuse a corpus that is no folder, before anything takes time.

    Raises:
      PldError: there is no such folder.
    """
    if not root.is_dir():
        what = "a file" if root.exists() else "nothing"
        raise PldError(f"{root}: expected a folder of recorded words ({LAYOUT}), found {what}.")


def is_audio(name: str) -> bool:
    """Whether a file of this name counts as a recording."""
    # macOS leaves files like `._a.wav` on foreign disks.
    return not name.startswith(".") and name.lower().endswith(AUDIO_SUFFIXES)


def _subfolders(root: Path) -> tuple[list[str], list[str]]:
    """Names of folders, and of broken links."""
    statuses = {name: _status(entry) for name, entry in _entries(root)}
    return (
        sorted(name for name, status in statuses.items() if _is_folder(status)),
        sorted(name for name, status in statuses.items() if status is None),
    )


def _audio_files(root: Path, folder: str, unread: Counter[str]) -> Iterator[Found]:
    """The audio files of a folder. Other files are counted in `unread`."""
    for name, entry in _entries(root / folder):
        if is_audio(name):
            yield _found(f"{folder}/{name}", entry)
        elif not name.startswith(".") and not name.lower().endswith(_TEXT_SUFFIXES):
            unread[_kind(name, entry)] += 1


def _entries(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield _storable(entry.name, folder), entry
    except OSError as error:
        raise PldError(
            f"{folder} can't be opened ({error.strerror}). Allow it, or remove the folder."
        ) from error


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None if the entry can't be reached. Links are followed."""
    try:
        return entry.stat()
    except OSError:
        return None


def _is_folder(status: os.stat_result | None) -> bool:
    return status is not None and stat.S_ISDIR(status.st_mode)


def _found(path: str, entry: os.DirEntry[str]) -> Found:
    status = _status(entry)
    if status is None:  # reading it will report why
        return Found(path=path, size=0, mtime_ns=0, is_readable=False)
    return Found(
        path=path,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        is_readable=os.access(entry.path, os.R_OK),
    )


def _kind(name: str, entry: os.DirEntry[str]) -> str:
    if _is_folder(_status(entry)):
        return "folder"
    suffix = PurePath(name).suffix.lower()
    # A blank at the end of a name is invisible, so show it quoted.
    return (suffix if suffix.strip() == suffix else repr(suffix)) or "without a suffix"


def _storable(name: str, folder: Path) -> str:
    """The name, if labels and indexes can store it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise PldError(
            f"{folder}: expected file names in UTF-8, got {os.fsencode(name)!r}. Rename it."
        ) from None
    return name


def _gone_notes(gone: list[str]) -> list[str]:
    return [f"{name} is a link to nothing and is left out." for name in gone]


def _unread_notes(unread: Counter[str]) -> list[str]:
    if not unread:
        return []
    kinds = ", ".join(f"{count} {kind}" for kind, count in unread.most_common())
    return [
        f"{unread.total()} files are not read: {kinds}. "
        f"Recordings are {', '.join(AUDIO_SUFFIXES)}; convert others to .wav."
    ]
