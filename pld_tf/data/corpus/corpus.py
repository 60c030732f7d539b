"""Find the clips of a folder of recorded words and split them by speaker. Decodes nothing."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pld_tf.data.corpus.file_names import without_suffix
from pld_tf.data.corpus.lists import BOTH, SplitLists, lists_digest, read_lists, unread_list_notes
from pld_tf.data.corpus.scan import Found, scan
from pld_tf.errors import PldError
from pld_tf.system.names import plain_name

_SPEAKER = re.compile(r"^(.+?)_nohash_")
# Fixed by Speech Commands: another number would move speakers to other splits.
_MAX_CLIPS_PER_WORD = 2**27 - 1
_VALIDATION_PERCENT = 10.0
_TEST_PERCENT = 10.0


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One recording. `path` is relative to the corpus, with slashes and in Unicode's form C;
    `word` is its folder; `on_disk` is the path as the disk spells it, where that differs."""

    path: str
    on_disk: str = ""
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
      noise_splits: splits of these recordings, if the lists name any of them.
      lists: the lists that were found.
      notes: one line each, for the user.
      fingerprint: SHA-256 of paths, sizes, times, missing permissions and lists; hex.
    """

    root: Path
    clips: tuple[Clip, ...]
    noise: tuple[str, ...]
    noise_splits: dict[str, str]
    lists: SplitLists
    notes: tuple[str, ...]
    fingerprint: str

    def file(self, clip: Clip) -> Path:
        """Where a clip lies."""
        return self.root / (clip.on_disk or clip.path)


def find_corpus(root: Path, *, excluded: frozenset[str] = frozenset()) -> Corpus:
    """List the clips of a corpus, each with its split; no speaker is in two splits.

    Raises:
      PldError: as `list_corpus`; a list names no clip; or the lists put one speaker in two splits.
    """
    corpus = list_corpus(root, excluded=excluded)
    corpus.lists.refuse_foreign(root)
    _refuse_shared_speakers(corpus.clips, root)
    return corpus


def list_corpus(root: Path, *, excluded: frozenset[str] = frozenset()) -> Corpus:
    """List the clips of a corpus and give each its split.

    `validation_list.txt` and `testing_list.txt` name the clips of these splits; every other clip is
    for training. Without lists a hash of the speaker decides, as in Speech Commands. A file name
    without a speaker is hashed as a whole. `folders` says which folders are words.

    Args:
      root: the folder.
      excluded: paths of clips to skip.

    Raises:
      PldError: there is no such folder, no audio in it, or a clip is on both lists.
    """
    scanned = scan(root)
    words = _without(scanned.words, frozenset(map(plain_name, excluded)), root)
    present = [file.path for files in scanned.words.values() for file in files]
    lists = read_lists(root, [*present, *(file.path for file in scanned.noise)])
    clips = tuple(sorted(_split_clips(words, lists), key=lambda clip: clip.path))
    found = [*(file for files in words.values() for file in files), *scanned.noise]
    return Corpus(
        root=root,
        clips=clips,
        noise=tuple(sorted(file.on_disk for file in scanned.noise)),
        noise_splits=_noise_splits(scanned.noise, lists),
        lists=lists,
        notes=(
            *_folder_notes(scanned.words),
            *scanned.notes,
            *unread_list_notes(scanned.entries),
            *lists.notes(),
            *_speaker_notes(clips, lists),
            *_excluded_notes(len(present) - len(clips)),
        ),
        fingerprint=_fingerprint(found, root),
    )


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


def _split_clips(words: dict[str, list[Found]], lists: SplitLists) -> Iterator[Clip]:
    for word, files in words.items():
        for file in files:
            match = _SPEAKER.match(file.path.removeprefix(f"{word}/"))
            speaker = match.group(1) if match else None
            name = speaker or without_suffix(file.path)
            split = lists.split_of(file.path) if lists.are_there else speaker_split(name)
            yield Clip(
                path=file.path, on_disk=file.on_disk, word=word, speaker=speaker, split=split
            )


def _noise_splits(noise: list[Found], lists: SplitLists) -> dict[str, str]:
    splits = {file.on_disk: lists.split_of(file.path) for file in noise}
    return splits if set(splits.values()) - {"train"} else {}


def _refuse_shared_speakers(clips: tuple[Clip, ...], root: Path) -> None:
    first: dict[str, Clip] = {}
    for clip in clips:
        if clip.speaker is None:
            continue
        other = first.setdefault(clip.speaker, clip)
        if other.split != clip.split:
            raise PldError(
                f"{root}: expected every speaker in one split, but {BOTH} put "
                f"speaker {clip.speaker} in two: {other.path} is for {other.split}, "
                f"{clip.path} for {clip.split}. Correct the lists, or remove both "
                "to split by speaker hash."
            )


def _folder_notes(words: dict[str, list[Found]]) -> list[str]:
    empty = [word for word, files in words.items() if not files]
    if not empty:
        return []
    shown = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
    return [f"{len(empty)} word folder(s) without audio are left out: {shown}."]


def _speaker_notes(clips: tuple[Clip, ...], lists: SplitLists) -> list[str]:
    nameless = [clip for clip in clips if clip.speaker is None]
    if not nameless or lists.are_there:
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
    digest.update(lists_digest(root))
    return digest.hexdigest()
