"""Find the clips of a folder of recorded words and split them by speaker. Decodes nothing."""

import hashlib
import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pld_tf.data.corpus.scan import LAYOUT, Found, is_audio, scan
from pld_tf.errors import PldError

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}

_SPEAKER = re.compile(r"^(.+?)_nohash_")
# Fixed by Speech Commands: another number would move speakers to other splits.
_MAX_CLIPS_PER_WORD = 2**27 - 1
_VALIDATION_PERCENT = 10.0
_TEST_PERCENT = 10.0
_MAX_LIST_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One recording. `path` is relative to the corpus, with slashes; `word` is its folder."""

    path: str
    word: str
    speaker: str | None
    split: str


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The contents of a folder. The same files with the same times give the same fingerprint.

    Args:
      root: the folder.
      clips: sorted by path.
      noise: paths of the background noise recordings, relative to `root`, sorted.
      notes: one line each, for the user.
      fingerprint: SHA-256 of paths, sizes, times, missing permissions and lists; hex.
    """

    root: Path
    clips: tuple[Clip, ...]
    noise: tuple[str, ...]
    notes: tuple[str, ...]
    fingerprint: str


def find_corpus(root: Path, *, excluded: frozenset[str] = frozenset()) -> Corpus:
    """List the clips of a corpus, each with its split; no speaker is in two splits.

    Raises:
      PldError: as `list_corpus`, or the lists put one speaker in two splits.
    """
    corpus = list_corpus(root, excluded=excluded)
    _refuse_shared_speakers(corpus.clips, root)
    return corpus


def list_corpus(root: Path, *, excluded: frozenset[str] = frozenset()) -> Corpus:
    """List the clips of a corpus and give each its split.

    `validation_list.txt` and `testing_list.txt` name the clips of these splits; every other clip is
    for training. Without lists a hash of the speaker decides, as in Speech Commands. A file name
    without a speaker is hashed as a whole. Folders starting with `_` or `.` are not words.

    Args:
      root: the folder.
      excluded: paths of clips to skip.

    Raises:
      PldError: there is no such folder, no audio in it, or a clip is on both lists.
    """
    scanned = scan(root)
    if not any(scanned.words.values()):
        raise PldError(_nothing_found(root, scanned.notes))
    words = _without(scanned.words, excluded, root)
    lists = {split: _read_list(root / name) for split, name in LISTS.items()}
    clips = tuple(sorted(_split_clips(words, lists, root), key=lambda clip: clip.path))
    found = [*(file for files in words.values() for file in files), *scanned.noise]
    present = [file.path for files in scanned.words.values() for file in files]
    return Corpus(
        root=root,
        clips=clips,
        noise=tuple(sorted(file.path for file in scanned.noise)),
        notes=(
            *_folder_notes(scanned.words),
            *scanned.notes,
            *_list_notes(present, lists),
            *speaker_notes(clips),
            *_excluded_notes(len(present) - len(clips)),
        ),
        fingerprint=_fingerprint(found, root),
    )


def speaker_of(path: str) -> str | None:
    """The speaker in a clip's file name, `<speaker>_nohash_<n>`; None where there is none.

    >>> speaker_of("yes/anna_nohash_0.wav"), speaker_of("yes/recording 3.wav")
    ('anna', None)
    """
    match = _SPEAKER.match(path.rpartition("/")[2])
    return match.group(1) if match else None


def holds_clip(root: Path, path: str) -> bool:
    """Whether `path`, relative to the corpus and with slashes, names one of its clips."""
    folder, _, name = path.partition("/")
    if not folder or "/" in name or folder.startswith(("_", ".")) or not is_audio(name):
        return False
    return os.path.lexists(root / path)


def speaker_split(name: str) -> str:
    """The split that the hash of a speaker's name gives: 10 % validation, 10 % test.

    Source: `which_set` in the README of Speech Commands (Warden 2018, arXiv:1804.03209).

    >>> speaker_split("7a49163e"), speaker_split("0c540988"), speaker_split("004ae714")
    ('validation', 'test', 'train')
    """
    digest = int(hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(), 16)
    percent = (digest % (_MAX_CLIPS_PER_WORD + 1)) * (100.0 / _MAX_CLIPS_PER_WORD)
    if percent < _VALIDATION_PERCENT:
        return "validation"
    return "test" if percent < _VALIDATION_PERCENT + _TEST_PERCENT else "train"


def _without(
    words: dict[str, list[Found]], excluded: frozenset[str], root: Path
) -> dict[str, list[Found]]:
    kept = {
        word: [file for file in files if file.path not in excluded] for word, files in words.items()
    }
    if not any(kept.values()):
        raise PldError(f"every clip of {root} is excluded; take some lines off the list.")
    return kept


def _nothing_found(root: Path, notes: tuple[str, ...]) -> str:
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries)
    loose = sum(map(is_audio, names))
    found = f"{loose} audio files outside any word folder" if loose else ", ".join(names[:5])
    more = ", ..." if not loose and len(names) > 5 else ""
    rest = "".join(f" {note}" for note in notes)
    return f"{root}: expected recorded words as {LAYOUT}; found {found or 'nothing'}{more}.{rest}"


def _read_list(path: Path) -> frozenset[str] | None:
    """Clips of a list file without suffixes: the corpus may be stored in another format."""
    try:
        size = path.stat().st_size
        if size > _MAX_LIST_BYTES:
            raise PldError(f"{path}: expected a list of clips under 64 MB, got {size} bytes.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise PldError(f"{path}: expected one clip per line in UTF-8, got {error}.") from None
    return frozenset(_key(line.strip()) for line in lines if line.strip())


def _key(path: str) -> str:
    return posixpath.splitext(path.removeprefix("./"))[0]


def _split_clips(
    words: dict[str, list[Found]], lists: dict[str, frozenset[str] | None], root: Path
) -> Iterator[Clip]:
    has_lists = any(entries is not None for entries in lists.values())
    for word, files in words.items():
        for file in files:
            speaker = speaker_of(file.path)
            key = _key(file.path)
            split = _listed_split(key, lists, root) if has_lists else speaker_split(speaker or key)
            yield Clip(path=file.path, word=word, speaker=speaker, split=split)


def _listed_split(key: str, lists: dict[str, frozenset[str] | None], root: Path) -> str:
    splits = [split for split, entries in lists.items() if entries and key in entries]
    if len(splits) > 1:
        raise PldError(
            f"{root}: {key} is on both {' and '.join(LISTS.values())}; take it off one of them."
        )
    return splits[0] if splits else "train"


def _refuse_shared_speakers(clips: tuple[Clip, ...], root: Path) -> None:
    first: dict[str, Clip] = {}
    for clip in clips:
        if clip.speaker is None:
            continue
        other = first.setdefault(clip.speaker, clip)
        if other.split != clip.split:
            raise PldError(
                f"{root}: expected every speaker in one split, but {' and '.join(LISTS.values())} "
                f"put speaker {clip.speaker} in two: {other.path} is for {other.split}, "
                f"{clip.path} for {clip.split}. Correct the lists, or remove both "
                "to split by speaker hash."
            )


def _folder_notes(words: dict[str, list[Found]]) -> list[str]:
    empty = [word for word, files in words.items() if not files]
    if not empty:
        return []
    shown = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
    return [f"{len(empty)} word folder(s) without audio are left out: {shown}."]


def _list_notes(paths: list[str], lists: dict[str, frozenset[str] | None]) -> Iterator[str]:
    if all(entries is None for entries in lists.values()):
        return
    present = {_key(path) for path in paths}
    for split, entries in lists.items():
        if entries is None:
            yield f"{LISTS[split]} is missing, the other list is there: no clip is for {split}."
            continue
        absent = sorted(entries - present)
        if absent:
            yield f"{LISTS[split]} names {len(absent)} clip(s) that are not here, as {absent[0]}."


def speaker_notes(clips: tuple[Clip, ...]) -> list[str]:
    """What a split by speakers can't do for lack of names."""
    nameless = [clip for clip in clips if clip.speaker is None]
    if not nameless:
        return []
    return [
        f"{len(nameless)} of {len(clips)} clips have no speaker in their names "
        f"(<speaker>_nohash_<n>), as {nameless[0].path}; each is split by itself, "
        "so one voice may be in several splits."
    ]


def _excluded_notes(excluded: int) -> list[str]:
    return [f"{excluded} clip(s) are excluded."] if excluded else []


def _fingerprint(found: list[Found], root: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(found, key=lambda file: file.path):
        # A path cannot hold a zero byte, so no two sets of files give the same bytes.
        digest.update(f"{file.path}\0{file.size}\0{file.mtime_ns}\0".encode())
        if not file.is_readable:  # granting permission later changes no time
            digest.update(b"unreadable\0")
    for name in LISTS.values():
        path = root / name
        content = path.read_bytes() if path.exists() else b"absent"
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
