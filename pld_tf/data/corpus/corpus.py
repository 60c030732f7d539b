"""Find the clips of a folder of recorded words and split them by speaker. Decodes nothing."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pld_tf.data.corpus.lists import BOTH, SplitLists, lists_digest, read_lists, unread_list_notes
from pld_tf.data.corpus.negatives import NegativeRecording, split_negatives
from pld_tf.data.corpus.scan import Found, scan
from pld_tf.data.corpus.split import divided_speakers, moved_clips, speaker_of, split_clips
from pld_tf.errors import PldError
from pld_tf.system.names import plain_name


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
      negatives: long recordings without keywords, each with its split.
      lists: the lists that were found.
      notes: one line each, for the user.
      fingerprint: SHA-256 of paths, sizes, times, missing permissions, lists, and of what else
        decides splits; hex.
    """

    root: Path
    clips: tuple[Clip, ...]
    noise: tuple[str, ...]
    noise_splits: dict[str, str]
    negatives: tuple[NegativeRecording, ...]
    lists: SplitLists
    notes: tuple[str, ...]
    fingerprint: str

    @property
    def is_listed(self) -> bool:
        """Whether lists decide the splits."""
        return self.lists.are_there

    def file(self, clip: Clip) -> Path:
        """Where a clip lies."""
        return self.root / (clip.on_disk or clip.path)


def find_corpus(
    root: Path, *, excluded: frozenset[str] = frozenset(), keywords: Collection[str] = ()
) -> Corpus:
    """As `list_corpus`, but lists must name clips of it, and keep each speaker in one split.

    Raises:
      PldError: as `list_corpus`; a list names no clip; or the lists put one speaker in two splits.
    """
    corpus = list_corpus(root, excluded=excluded, keywords=keywords)
    corpus.lists.refuse_foreign(root)
    if corpus.is_listed:
        refuse_shared_speakers(corpus.clips, root)
    return corpus


def list_corpus(
    root: Path, *, excluded: frozenset[str] = frozenset(), keywords: Collection[str] = ()
) -> Corpus:
    """List the clips of a corpus and give each its split.

    `validation_list.txt` and `testing_list.txt` name the clips of these splits; every other clip is
    for training. Without lists, `split_clips` splits by speaker. A file name without a speaker
    counts as a speaker. `folders` says which folders are words.

    Args:
      root: the folder.
      excluded: paths of clips to skip.
      keywords: words that need clips in each split.

    Raises:
      PldError: there is no such folder, no audio in it, or a clip is on both lists.
    """
    scanned = scan(root)
    words = _without(scanned.words, frozenset(map(plain_name, excluded)), root)
    present = [file.path for files in scanned.words.values() for file in files]
    beside = [file.path for file in (*scanned.noise, *scanned.negatives)]
    lists = read_lists(root, [*present, *beside])
    files = sorted((file for files in words.values() for file in files), key=lambda f: f.path)
    split_of = _splits([file.path for file in files], lists, keywords)
    clips = tuple(_clip(file, split_of[file.path]) for file in files)
    moved = {} if lists.are_there else moved_clips(split_of)
    return Corpus(
        root=root,
        clips=clips,
        noise=tuple(sorted(file.on_disk for file in scanned.noise)),
        noise_splits=_noise_splits(scanned.noise, lists),
        negatives=split_negatives(scanned.negatives, lists),
        lists=lists,
        notes=(
            *_folder_notes(scanned.words),
            *scanned.notes,
            *unread_list_notes(scanned.entries),
            *lists.notes(),
            *([] if lists.are_there else [*speaker_notes(clips), *_divided_notes(split_of)]),
            *_excluded_notes(len(present) - len(clips)),
        ),
        fingerprint=_fingerprint([*files, *scanned.noise], root, moved),
    )


def _splits(paths: list[str], lists: SplitLists, keywords: Collection[str]) -> dict[str, str]:
    if lists.are_there:
        return {path: lists.split_of(path) for path in paths}
    return split_clips(paths, keywords)


def _clip(file: Found, split: str) -> Clip:
    return Clip(
        path=file.path,
        on_disk=file.on_disk,
        word=file.path.partition("/")[0],
        speaker=speaker_of(file.path),
        split=split,
    )


def _without(
    words: dict[str, list[Found]], excluded: frozenset[str], root: Path
) -> dict[str, list[Found]]:
    kept = {
        word: [file for file in files if file.path not in excluded] for word, files in words.items()
    }
    if not any(kept.values()):
        raise PldError(f"every clip of {root} is excluded; take some lines off the list.")
    return kept


def _noise_splits(noise: list[Found], lists: SplitLists) -> dict[str, str]:
    splits = {file.on_disk: lists.split_of(file.path) for file in noise}
    return splits if set(splits.values()) - {"train"} else {}


def refuse_shared_speakers(clips: tuple[Clip, ...], root: Path) -> None:
    """Refuse lists that put one speaker in two splits.

    Raises:
      PldError: names both clips.
    """
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


def _divided_notes(split_of: dict[str, str]) -> list[str]:
    words_of = divided_speakers(split_of)
    if not words_of:
        return []
    words = sorted({word for words in words_of.values() for word in words})
    shown = ", ".join(words[:5]) + (", ..." if len(words) > 5 else "")
    return [
        f"{len(words_of)} speaker(s), as {min(words_of)}, are in several splits, because {shown} "
        "has too few speakers to give each split its own. Accuracy then says little about other "
        "voices: record more people."
    ]


def _excluded_notes(excluded: int) -> list[str]:
    return [f"{excluded} clip(s) are excluded."] if excluded else []


def _fingerprint(found: list[Found], root: Path, moved: dict[str, str]) -> str:
    digest = hashlib.sha256()
    for file in sorted(found, key=lambda file: file.path):
        # A path cannot hold a zero byte, so no two sets of files give the same bytes.
        digest.update(f"{file.path}\0{file.size}\0{file.mtime_ns}\0".encode())
        if not file.is_readable:  # granting permission later changes no time
            digest.update(b"unreadable\0")
    for path, split in moved.items():
        digest.update(f"{path}\0{split}\0".encode())
    digest.update(lists_digest(root))
    return digest.hexdigest()
