"""Tell how recordings lie that do not lie as <word>/<recording>, and what to do."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from pld_tf.data.corpus.file_names import AUDIO_SUFFIXES, is_archive, is_sound

LAYOUT = "<word>/<speaker>_nohash_<n>.wav, or <word>/<any name>.wav, .flac, .ogg or .mp3"
_SPLITS = (
    *("train", "training", "train_set", "test", "testing", "tests", "test_set", "val", "valid"),
    *("validation", "validation_set", "dev", "development", "eval", "evaluation"),
)


def nothing_found(root: Path, entries: Sequence[str], notes: Sequence[str]) -> str:
    """What is there in place of words.

    Args:
      root: the folder.
      entries: the names in it.
      notes: on what was not read.
    """
    shown = [name for name in sorted(entries) if not name.startswith(".")]
    more = ", ..." if len(shown) > 5 else ""
    line = f"{root}: expected recorded words as {LAYOUT}; found {', '.join(shown[:5]) or 'nothing'}"
    is_flat = any(map(is_sound, shown))
    above = [f"If '{root.name}' is the word, give the folder above it."] if is_flat else []
    archives = [name for name in shown if is_archive(name)]
    unpack = [f"Unpack {archives[0]}, and give the folder that comes of it."] if archives else []
    return " ".join([f"{line}{more}.", *notes, *above, *unpack])


def loose_notes(loose: Sequence[str]) -> list[str]:
    """On recordings that lie beside the folders of words."""
    if not loose:
        return []
    return [
        f"{len(loose):,} recordings outside any word folder are not read, as {loose[0]}. Put each "
        "into a folder named as its word."
    ]


def deep_notes(deep: Sequence[str], root: Path) -> Iterator[str]:
    """On recordings that lie in folders of folders."""
    by_folder: dict[str, list[str]] = defaultdict(list)
    for path in deep:
        by_folder[path.split("/")[0]].append(path)
    splits = [folder for folder in by_folder if folder.casefold() in _SPLITS]
    if splits:
        paths = [path for folder in splits for path in by_folder.pop(folder)]
        yield (
            f"{', '.join(splits)}: split folders with {len(paths):,} recordings, which are not "
            f"read, as {paths[0]}. Put the words of all splits together as <word>/<recording>, and "
            "name the clips for validation and test in validation_list.txt and testing_list.txt."
        )
    if by_folder:
        paths = [path for folder in by_folder.values() for path in folder]
        above = f" Or give {root / next(iter(by_folder))}, if it holds the words."
        yield (
            f"{len(paths):,} recordings lie {_levels(paths[0])} too deep and are not read, as "
            f"{paths[0]}. Put each into the folder of its word, and name the speaker in the file's "
            f"name: <word>/<speaker>_nohash_<n>.wav.{above if len(by_folder) == 1 else ''}"
        )


def _levels(path: str) -> str:
    levels = path.count("/") - 1
    return "one level" if levels == 1 else f"{levels} levels"


def unread_notes(unread: Sequence[tuple[str, str]]) -> list[str]:
    """On files in word folders that are no recordings, given by kind and path."""
    if not unread:
        return []
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, path in unread:
        by_kind[kind].append(path)
    kinds = sorted(by_kind.items(), key=lambda item: -len(item[1]))
    counts = ", ".join(f"{len(paths):,} {kind} (as {min(paths)})" for kind, paths in kinds)
    return [
        f"{len(unread):,} files are not read: {counts}. "
        f"Recordings are {', '.join(AUDIO_SUFFIXES)}; convert others to .wav."
    ]
