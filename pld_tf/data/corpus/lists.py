"""The lists that put clips into splits: `validation_list.txt` and `testing_list.txt`."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pld_tf.data.corpus.file_names import without_suffix
from pld_tf.data.corpus.written_names import WrittenNames
from pld_tf.errors import PldError
from pld_tf.system.names import plain_name
from pld_tf.system.people_text import read_people_text

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
BOTH = " and ".join(LISTS.values())
_LISTS_OF_OTHERS = ("val", "test", "dev", "eval")  # begin names like test_list.txt
_LIST_SUFFIXES = (".txt", ".csv", ".tsv", ".lst", ".list")

Lines = tuple[tuple[int, str], ...]  # number and text of each line


@dataclass(frozen=True, kw_only=True)
class SplitList:
    """One list, compared with the clips that are there.

    Attributes:
      names: of its clips, without suffix: the corpus may be stored in another format.
      lines: how many lines name a clip.
      strange: lines that name no clip here.
      guessed: lines that name one in other letters.
    """

    path: Path
    names: frozenset[str]
    lines: int
    strange: Lines
    guessed: Lines

    @property
    def complaint(self) -> str:
        """How many lines name no clip, with an example; empty if all do."""
        if not self.strange:
            return ""
        return (
            f"{len(self.strange):,} of {self.lines:,} lines of {self.path.name} name no clip here, "
            f"as line {_shown(self.strange)}"
        )


@dataclass(frozen=True, kw_only=True)
class SplitLists:
    """The lists of a corpus, by split; None where a list is missing."""

    by_split: dict[str, SplitList | None]

    @property
    def are_there(self) -> bool:
        return any(self.by_split.values())

    def split_of(self, path: str) -> str:
        """The split of a clip: `train` if it is on no list.

        Raises:
          PldError: the clip is on both lists.
        """
        name = without_suffix(path)
        splits = [split for split, given in self.by_split.items() if given and name in given.names]
        if len(splits) > 1:
            raise PldError(f"{path} is on both {BOTH}; take it off one of them.")
        return splits[0] if splits else "train"

    def notes(self) -> Iterator[str]:
        """One line on each thing that is odd about a list."""
        if not self.are_there:
            return
        for split, given in self.by_split.items():
            if given is None:
                yield f"{LISTS[split]} is missing, the other list is there: no clip is for {split}."
                continue
            if given.complaint:
                yield f"{given.complaint}."
            if given.guessed:
                yield (
                    f"{len(given.guessed):,} lines of {given.path.name} are read as <word>/<file>, "
                    f"as line {_shown(given.guessed)}."
                )

    def empty_because(self, split: str) -> str:
        """Why a split has no clip, as one sentence; empty without lists."""
        if not self.are_there:
            return ""
        if split == "train":
            return f"{BOTH} name every clip."
        given = self.by_split[split]
        if given is None:
            return f"{LISTS[split]} is missing, and the other list is there."
        return f"{given.complaint or f'{given.path.name} is empty, or its clips are excluded'}."

    def refuse_foreign(self, root: Path) -> None:
        """Refuse a list that is of another corpus.

        Raises:
          PldError: no line of a list names a clip.
        """
        for given in self.by_split.values():
            if given and given.strange and not given.names:
                raise PldError(
                    f"{given.path}: expected clips of {root} as <word>/<file>, one a line. None of "
                    f"its {given.lines:,} lines names one, as line {_shown(given.strange)}. Mend "
                    f"the list, or remove {BOTH} to split by speaker."
                )


def read_lists(root: Path, paths: Iterable[str]) -> SplitLists:
    """The lists of a corpus.

    Args:
      root: the corpus.
      paths: all its clips, and recordings of noise.

    Raises:
      PldError: a list can't be read, or is no text.
    """
    names = WrittenNames(paths, key=without_suffix)
    return SplitLists(
        by_split={
            split: _read(root / name, names) if os.path.lexists(root / name) else None
            for split, name in LISTS.items()
        }
    )


def lists_digest(root: Path) -> bytes:
    """A digest of the bytes of both lists."""
    digest = hashlib.sha256()
    for name in LISTS.values():
        path = root / name
        content = path.read_bytes() if path.exists() else b"absent"
        digest.update(hashlib.sha256(content).digest())
    return digest.digest()


def unread_list_notes(entries: Iterable[str]) -> list[str]:
    """A line on files of a corpus that look like lists and have other names."""
    alike = sorted(
        name
        for name in entries
        if name.lower().startswith(_LISTS_OF_OTHERS)
        and name.lower().endswith(_LIST_SUFFIXES)
        and name not in LISTS.values()
    )
    if not alike:
        return []
    return [f"{', '.join(alike)}: not read. The lists of clips are named {BOTH}."]


def _read(path: Path, names: WrittenNames) -> SplitList:
    text = read_people_text(path, "the list", error=PldError)
    lines = [(n, line.strip()) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    found = {line: names.find(line[1]) for line in lines}
    # A file may be named like a comment, but a line that names no file may be one.
    clips = {line: name for line, name in found.items() if name or not line[1].startswith("#")}
    return SplitList(
        path=path,
        names=frozenset(name for name in clips.values() if name),
        lines=len(clips),
        strange=tuple(line for line, name in clips.items() if not name),
        guessed=tuple(line for line, name in clips.items() if name and _is_guessed(line[1], name)),
    )


def _is_guessed(line: str, name: str) -> bool:
    return not plain_name(line).removeprefix("./").startswith(name)


def _shown(lines: Lines) -> str:
    number, text = lines[0]
    return f"{number}: {text[:100]!r}"
