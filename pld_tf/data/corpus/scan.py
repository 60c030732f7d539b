"""Find the files of a folder of recorded words, and what is not read."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from pld_tf.data.corpus.file_names import is_archive, is_audio, is_sound, is_worth_a_note
from pld_tf.data.corpus.folders import passed_over_notes, role_notes, role_of
from pld_tf.data.corpus.layout import LAYOUT, deep_notes, loose_notes, nothing_found, unread_notes
from pld_tf.errors import PldError
from pld_tf.system.names import plain_name

_MAX_DEPTH = 6  # of folders that are searched for recordings which lie too deep


@dataclass(frozen=True, kw_only=True)
class Found:
    """One audio file. `path` is relative to the corpus, in Unicode's form C; `on_disk` is spelt as
    the disk spells it. Size and time are 0 if the file can't be reached, as with a broken link."""

    path: str
    on_disk: str
    size: int
    mtime_ns: int
    is_readable: bool


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The contents of a folder.

    Args:
      words: audio files by word.
      noise: audio files of background noise.
      negatives: audio files without keywords, at any depth.
      entries: names in the folder.
      notes: one line each on files that are not read, and folders that are no words.
    """

    words: dict[str, list[Found]]
    noise: list[Found]
    negatives: list[Found]
    entries: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(kw_only=True)
class _Folder:
    """The contents of one folder: recordings, recordings of folders in it, and other files."""

    name: str
    audio: list[Found] = field(default_factory=list)
    deep: list[str] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)  # kind and path


def scan(root: Path) -> Scan:
    """Scan each folder of `root`. Only to tell of recordings that lie too deep, look deeper.

    Raises:
      PldError: there is no such folder, no audio in its folders, a folder can't be opened, a name
        is not UTF-8, or two names are one but for their spelling in Unicode.
    """
    require_folder(root)
    names = dict(_entries(root))
    statuses = {name: _status(entry) for name, entry in names.items()}
    inner = sorted(name for name, status in statuses.items() if _is_folder(status))
    folders = [_read(root, name) for name in inner if role_of(name) in ("word", "noise")]
    words = [folder for folder in folders if role_of(folder.name) == "word"]
    noise = [folder for folder in folders if role_of(folder.name) == "noise"]
    _refuse_twins([folder.name for folder in words], root)
    gone = sorted(name for name, status in statuses.items() if status is None)
    loose = sorted(n for n in names if is_sound(n) and not _is_folder(statuses[n]))
    deep = [path for folder in (*words, *noise) for path in folder.deep]
    unread = [kind for folder in (*words, *noise) for kind in folder.unread]
    found = Scan(
        words={plain_name(folder.name): folder.audio for folder in words},
        noise=[file for folder in noise for file in folder.audio],
        negatives=[
            file for name in inner if role_of(name) == "negatives" for file in _below(root, name)
        ],
        entries=tuple(names),
        notes=(
            *(f"{name} is a link to nothing and is left out." for name in gone),
            *role_notes((folder.name, len(folder.audio)) for folder in folders),
            *passed_over_notes(inner),
            *_case_notes(folder.name for folder in words if folder.audio),
            *loose_notes(loose),
            *deep_notes(deep, root),
            *unread_notes(unread),
        ),
    )
    if not any(found.words.values()):
        raise PldError(nothing_found(root, found.entries, found.notes))
    return found


def require_folder(root: Path) -> None:
    """Refuse a corpus that is no folder, before anything takes time.

    Raises:
      PldError: there is no such folder.
    """
    if not root.is_dir():
        raise PldError(f"{root}: expected a folder of recorded words ({LAYOUT}), {_instead(root)}.")


def _instead(root: Path) -> str:
    if not root.exists():
        return "found nothing"
    if is_archive(root.name):
        return f"found an archive. Unpack {root.name}, and give the folder that comes of it"
    return "found a file"


def _read(root: Path, name: str) -> _Folder:
    """The recordings of a folder, each with its status; other files are only counted."""
    folder = _Folder(name=name)
    for file, entry in _entries(root / name):
        path = f"{name}/{file}"
        if is_audio(file):
            folder.audio.append(_found(path, entry))
        elif _is_folder(_status(entry)):
            folder.deep += [] if entry.is_symlink() else _sounds_below(root, path)
        elif is_worth_a_note(file):
            folder.unread.append((_kind(file), path))
    _refuse_twins([file.on_disk for file in folder.audio], root)
    return folder


def _below(root: Path, path: str, depth: int = 1) -> Iterator[Found]:
    """Recordings in a folder and in those below it, linked ones too."""
    for name, entry in sorted(_entries(root / path), key=lambda named: named[0]):
        inner = f"{path}/{name}"
        if is_audio(name):
            yield _found(inner, entry)
        elif depth < _MAX_DEPTH and not name.startswith(".") and _is_folder(_status(entry)):
            yield from _below(root, inner, depth + 1)


def _sounds_below(root: Path, path: str) -> Iterator[str]:
    """Paths of the sounds in a folder and in those below it. Links are not followed."""
    for place, folders, files in os.walk(root / path):
        relative = Path(place).relative_to(root)
        if len(relative.parts) >= _MAX_DEPTH:
            folders.clear()
        yield from (f"{relative.as_posix()}/{file}" for file in sorted(files) if is_sound(file))


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
    status = _status(entry)  # if it is None, reading the file will report why
    return Found(
        path="/".join(map(plain_name, path.split("/"))),
        on_disk=path,
        size=status.st_size if status else 0,
        mtime_ns=status.st_mtime_ns if status else 0,
        is_readable=status is not None and os.access(entry.path, os.R_OK),
    )


def _kind(name: str) -> str:
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


def _refuse_twins(names: list[str], root: Path) -> None:
    """Refuse names that look the same, as é in one letter and in two."""
    first: dict[str, str] = {}
    for name in sorted(names):
        other = first.setdefault(plain_name(name), name)
        if other != name:
            raise PldError(
                f"{root}: {other!a} and {name!a} are the same name, written in two ways "
                "(Unicode, or blanks at its end). Rename one, or put both together."
            )


def _case_notes(folders: Iterable[str]) -> Iterator[str]:
    first: dict[str, str] = {}
    for name in folders:
        other = first.setdefault(plain_name(name).casefold(), name)
        if other != name:
            yield f"{other} and {name} differ in capitals only; they are two words."
