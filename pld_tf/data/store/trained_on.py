"""What a run has learned from, as hashes: its clips, its speakers, the names of its files.

With it a run is tested on other data: clips and speakers that it knows are found there. No sound
and no name can be read from it.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pld_tf.data.audio.digest import content_digest
from pld_tf.data.corpus.corpus import speaker_of
from pld_tf.data.store.packed import DAMAGE, Store, clip_samples
from pld_tf.data.store.tfrecord import all_records
from pld_tf.errors import PldError
from pld_tf.system.files import write_json

TRAINED_ON = "trained_on.json"
# Validation clips chose the weights, the int8 student and the thresholds.
LEARNED_SPLITS = ("train", "validation")
NOTHING = 0  # hash of a clip of zeros, and of a speaker that is not named

_FORMAT = 1
_MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class TrainedOn:
    """The training and validation clips of a run.

    Attributes:
      clips: uint64, sorted; hashes of their sound.
      speakers: uint64, sorted; hashes of their speakers' names.
      listing: hash of the paths and splits of the whole corpus.
    """

    clips: np.ndarray
    speakers: np.ndarray
    listing: str


def trained_on(store: Store) -> TrainedOn:
    """What a run learns from a packed corpus."""
    splits = [store.splits[split] for split in LEARNED_SPLITS]
    return TrainedOn(
        clips=_distinct(clip_hashes(store, split) for split in LEARNED_SPLITS),
        speakers=_distinct(speaker_hashes(split.paths) for split in splits),
        listing=store.listing,
    )


def clip_hashes(store: Store, split: str) -> np.ndarray:
    """Hash of the sound of each clip of a split, uint64 [clips]; zeros at its ends don't count."""
    content_bytes = 2 * clip_samples(store.sample_rate_hz)
    hashes: list[int] = []
    for shard in store.splits[split].shards:
        try:
            records = all_records(shard, content_bytes=content_bytes)
        except (OSError, ValueError) as error:
            raise PldError(
                f"the packed corpus {shard.parent} is damaged: {shard.name}. Remove that folder, "
                "and the corpus is packed anew."
            ) from error
        for record in records:
            digest = content_digest(record.view("<i2"), store.sample_rate_hz)
            hashes.append(_short(digest) if digest else NOTHING)
    return np.array(hashes, np.uint64)


def speaker_hashes(paths: np.ndarray) -> np.ndarray:
    """Hash of the speaker of each path, uint64 [clips]."""
    speakers = [speaker_of(path.decode()) for path in paths.tolist()]
    return np.array(
        [_short(hashlib.sha256(one.encode()).digest()) if one else NOTHING for one in speakers],
        np.uint64,
    )


def write_trained_on(path: Path, known: TrainedOn) -> None:
    """Write the hashes as JSON, about 11 bytes each."""
    values = {
        "format": _FORMAT,
        "listing": known.listing,
        "clips": _packed(known.clips),
        "speakers": _packed(known.speakers),
    }
    write_json(path, values)


def read_trained_on(folder: Path) -> TrainedOn | None:
    """The hashes in a run folder or bundle; None where an earlier version wrote none.

    Raises:
      PldError: the file is damaged.
    """
    path = folder / TRAINED_ON
    if not path.exists():
        return None
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES} bytes")
        values = json.loads(path.read_text("utf-8"))
        if values["format"] != _FORMAT:
            raise ValueError(f"format {values['format']}, expected {_FORMAT}")
        return TrainedOn(
            clips=_unpacked(values["clips"]),
            speakers=_unpacked(values["speakers"]),
            listing=str(values["listing"]),
        )
    except (*DAMAGE, RecursionError) as error:
        raise PldError(
            f"{path} is damaged: {error}. Remove it; pld-tf distill writes it again for a run."
        ) from error


def _distinct(hashes: Iterable[np.ndarray]) -> np.ndarray:
    every = np.unique(np.concatenate(list(hashes)))
    return every[every != NOTHING]


def _short(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "little")


def _packed(hashes: np.ndarray) -> str:
    return base64.b64encode(hashes.astype("<u8").tobytes()).decode("ascii")


def _unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), "<u8").astype(np.uint64)
