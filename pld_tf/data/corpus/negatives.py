"""Recordings without keywords in `_negatives_`: hours of speech, music, rooms. Reads no file.

Each recording is in one split. Recordings of one voice or one place are in the same split, where
their names tell: see `_UNITS`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pld_tf.data.corpus.file_names import without_suffix
from pld_tf.data.corpus.folders import is_noise
from pld_tf.data.corpus.lists import SplitLists
from pld_tf.data.corpus.scan import Found
from pld_tf.data.corpus.split import speaker_of, split_clips

# Names of files, and the part of the path that is one voice or one place.
_UNITS = (
    re.compile(r"(?:.*/)?(\d+)-\d+-\d+$"),  # LibriSpeech: <speaker>-<chapter>-<utterance>
    re.compile(r"(?:.*/)?(p\d+)_\d+(?:_mic\d)?$"),  # VCTK: <speaker>_<sentence>_<microphone>
    re.compile(r"(?:.*/)?(S\d+)_[UP]\d+(?:\.CH\d+)?$"),  # DiPCo: <session>_<device>.<channel>
    re.compile(r"(.*/)?ch\d\d$"),  # DEMAND: 16 microphones of one place
)


@dataclass(frozen=True, kw_only=True)
class NegativeRecording:
    """A recording without keywords.

    Attributes:
      path: relative to the corpus, in Unicode's form C.
      on_disk: the same as the disk spells it.
      folder: its folder in `_negatives_`, by which results are told; empty if it lies in none.
      split: `train`, `validation` or `test`.
      is_noise: whether its folder says that nobody speaks in it.
      stamp: size and time of the file.
    """

    path: str
    on_disk: str
    folder: str
    split: str
    is_noise: bool
    stamp: tuple[int, int]


def split_negatives(found: Sequence[Found], lists: SplitLists) -> tuple[NegativeRecording, ...]:
    """Give each recording its split, about 80, 10 and 10 % of each folder's voices or places.

    If the lists of the corpus name any of the recordings, the lists decide.
    """
    listed = {file.path: lists.split_of(file.path) for file in found}
    if not set(listed.values()) - {"train"}:
        listed = _by_voice([file.path for file in found])
    return tuple(
        NegativeRecording(
            path=file.path,
            on_disk=file.on_disk,
            folder=folder_of(file.path),
            split=listed[file.path],
            is_noise=is_noise(file.path),
            stamp=(file.size, file.mtime_ns),
        )
        for file in sorted(found, key=lambda file: file.path)
    )


def folder_of(path: str) -> str:
    """The folder of a recording in `_negatives_`.

    >>> folder_of("_negatives_/musan/noise/a.wav"), folder_of("_negatives_/a.wav")
    ('musan', '')
    """
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else ""


def voice_of(path: str) -> str:
    """What tells the voice or place of a recording apart from others.

    >>> voice_of("_negatives_/libri/103/1240/103-1240-0000.flac")
    '103'
    >>> voice_of("_negatives_/demand/DKITCHEN/ch01.wav")
    '_negatives_/demand/DKITCHEN/'
    >>> voice_of("_negatives_/radio/monday.mp3")
    '_negatives_/radio/monday'
    """
    if speaker := speaker_of(path):
        return speaker
    name = without_suffix(path)
    matches = (unit.match(name) for unit in _UNITS)
    return next((match.group(1) or "" for match in matches if match), name)


def _by_voice(paths: Sequence[str]) -> dict[str, str]:
    """Splits as `split_clips` gives them: a folder is its word, a voice its speaker."""
    as_clips = {}
    for number, path in enumerate(paths):
        voice = voice_of(path).replace("/", "|")
        as_clips[path] = f"{folder_of(path)}/{folder_of(path)}|{voice}_nohash_{number}"
    split_of = split_clips(as_clips.values(), keywords=set(map(folder_of, paths)))
    return {path: split_of[clip] for path, clip in as_clips.items()}
