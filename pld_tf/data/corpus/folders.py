"""What a folder of a corpus is taken as, by its name."""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

NOISE_FOLDER = "_background_noise_"
NEGATIVES_FOLDER = "_negatives_"
# Names without blanks, underscores and hyphens, in small letters.
_NOISE = ("backgroundnoise", "background", "noise", "silence")
_UNKNOWN = ("unknown",)

Role = Literal["word", "noise", "negatives"]


def role_of(folder: str) -> Role | None:
    """What the recordings of a folder are; None if the folder is passed over.

    >>> role_of("yes"), role_of("_silence_"), role_of("_unknown_"), role_of("_old")
    ('word', 'noise', 'word', None)
    >>> role_of("_negatives_")
    'negatives'
    """
    name = _bare(folder)
    if folder == NEGATIVES_FOLDER:
        return "negatives"
    if folder.startswith(".") or (folder.startswith("_") and name not in (*_NOISE, *_UNKNOWN)):
        return None
    return "noise" if name in _NOISE else "word"


def role_notes(recordings: Iterable[tuple[str, int]]) -> Iterator[str]:
    """A line on each folder that is no plain word, but for the usual noise folder.

    Args:
      recordings: folders, and the number of recordings in each.
    """
    for folder, count in recordings:
        if count == 0 or folder == NOISE_FOLDER:
            continue
        if role_of(folder) == "noise":
            yield (
                f"{folder} ({count:,} recordings) is taken as background noise: `silence` is made "
                "of it, and it is added to words. Rename the folder if it is a spoken word."
            )
        elif _bare(folder) in _UNKNOWN:
            yield f"{folder} ({count:,} recordings) is taken as one word that is no keyword."


def passed_over_notes(folders: Iterable[str]) -> list[str]:
    """A line on folders that are no words because of their names. Hidden folders are not told."""
    shown = sorted(name for name in folders if role_of(name) is None and name[0] == "_")
    if not shown:
        return []
    return [f"{', '.join(shown)}: passed over. Folders whose names begin with _ are no words."]


def is_noise(path: str) -> bool:
    """Whether a folder in a path holds noise by its name.

    >>> is_noise("musan/noise/free-sound/a.wav"), is_noise("speech/noise.wav")
    (True, False)
    """
    return any(_bare(folder) in _NOISE for folder in path.split("/")[:-1])


def _bare(folder: str) -> str:
    return re.sub(r"[\s_-]", "", folder.casefold())
