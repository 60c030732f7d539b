"""The files of a packed corpus, and how they are read. `pack` writes them.

A record holds the bare little-endian samples of one clip of exactly one second. Everything else
about the clip is at the same position in the index.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pld_tf.data.store.loudness import BLOCK_MS
from pld_tf.data.store.noise import SPLIT_SHARES
from pld_tf.data.store.tfrecord import framed_bytes
from pld_tf.errors import PldError
from pld_tf.features.spec import CLIP_MS

SPLITS = tuple(SPLIT_SHARES)
BLOCKS = CLIP_MS // BLOCK_MS
INDEX_KEYS = ("paths", "words", "energies", "shard_clips")
# Errors from reading a truncated or changed file.
DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
_STORE_JSON = {"key": str, "sample_rate_hz": int, "words": list, "bad": list, "notes": list}


@dataclass(frozen=True, kw_only=True)
class SplitIndex:
    """Columns on the clips of one split, in the order of their records.

    Attributes:
      shards: TFRecord files.
      shard_clips: int64 [shards], records in each.
      paths: bytes [clips], relative to the corpus.
      words: int32 [clips], index into `Store.words`.
      energies: float32 [clips, 100], energy of each 10 ms.
    """

    shards: tuple[Path, ...]
    shard_clips: np.ndarray
    paths: np.ndarray
    words: np.ndarray
    energies: np.ndarray

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True, kw_only=True)
class Store:
    """A packed corpus on disk, read-only.

    Attributes:
      folder: the store's folder.
      key: hash of every sample, name and split; does not depend on where the corpus lies.
      words: word folders, sorted.
      splits: index of each split.
      notes: one line each on how packing changed clips.
      negatives: the packed recordings without keywords, if the recipe takes any.
      listing: hash of the corpus' paths and splits, unreadable clips too; see `trained_on`.
    """

    folder: Path
    key: str
    sample_rate_hz: int
    words: tuple[str, ...]
    splits: dict[str, SplitIndex]
    notes: tuple[str, ...]
    listing: str = ""
    negatives: "Store | None" = None

    @property
    def training_key(self) -> str:
        """The key of all that a training takes: of the words, and of the negatives if any."""
        return training_key(self.key, self.negatives.key if self.negatives else None)

    def noise(self, split: str) -> np.ndarray:
        """Background noise of a split, int16 [samples].

        Raises:
          PldError: the file is damaged.
        """
        with _told_when_damaged(self.folder, noise_name(split)):
            return read_noise(self.folder, split)

    def word_counts(self, split: str) -> np.ndarray:
        """Clips of each word in a split, int64 [words]."""
        return np.bincount(self.splits[split].words, minlength=len(self.words))


def training_key(key: str, negatives_key: str | None) -> str:
    """One key of a store and of the negatives beside it."""
    if negatives_key is None:
        return key
    return hashlib.sha256(f"{key} {negatives_key}".encode()).hexdigest()


def load_store(folder: Path, *, skip_bad: bool) -> Store:
    """Read what `pack.open_store` has packed.

    Raises:
      PldError: a file is damaged; or clips were bad and `skip_bad` is false.
    """
    with _told_when_damaged(folder, "store.json"):
        facts = _read_facts(folder / "store.json")
    with _told_when_damaged(folder, "index.npz"):
        columns = _read_columns(folder / "index.npz", num_words=len(facts["words"]))
    bytes_per_record = record_bytes(facts["sample_rate_hz"])
    splits = {}
    for split in SPLITS:
        shards = _checked_shards(folder, split, columns[split]["shard_clips"], bytes_per_record)
        splits[split] = SplitIndex(shards=shards, **columns[split])
        with _told_when_damaged(folder, noise_name(split)):
            _require_whole_archive(folder / noise_name(split))
    if facts["bad"] and not skip_bad:
        raise PldError(bad_clips_message(facts["bad"]))
    left_out = [f"{len(facts['bad'])} unreadable clips were left out."] if facts["bad"] else []
    return Store(
        folder=folder,
        key=facts["key"],
        sample_rate_hz=facts["sample_rate_hz"],
        words=tuple(facts["words"]),
        splits=splits,
        notes=(*facts["notes"], *left_out),
    )


def clip_samples(sample_rate_hz: int) -> int:
    """Samples of every packed clip."""
    return sample_rate_hz * CLIP_MS // 1000


def record_bytes(sample_rate_hz: int) -> int:
    """Bytes of a clip in a shard."""
    return framed_bytes(2 * clip_samples(sample_rate_hz))


def shard_name(split: str, number: int) -> str:
    """Name of a shard, without suffix."""
    return f"{split}-{number:05d}"


def noise_name(split: str) -> str:
    return f"noise-{split}.npz"


def read_noise(folder: Path, split: str) -> np.ndarray:
    """Background noise of a split, int16 [samples]."""
    with open_arrays(folder / noise_name(split)) as arrays:
        return arrays["noise"]


@contextmanager
def open_arrays(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """Arrays of an .npz file, each read on access."""
    # Given a path, NumPy leaves the file open if it is not a whole archive.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        yield arrays


def bad_clips_message(bad: list[tuple[str, str]]) -> str:
    """One line on clips that can't be read; names the first ten with their reasons."""
    first = "; ".join(f"{path}: {reason}" for path, reason in bad[:10])
    more = f"; and {len(bad) - 10} more" if len(bad) > 10 else ""
    return (
        f"{len(bad)} clips can't be read: {first}{more}. Mend or remove them, or leave them out "
        "with --skip-bad."
    )


def _read_facts(path: Path) -> dict[str, Any]:
    facts = json.loads(path.read_text("utf-8"))
    for name, kind in _STORE_JSON.items():
        if not isinstance(facts, dict) or not isinstance(facts.get(name), kind):
            raise ValueError(f"expected '{name}', a {kind.__name__}")
    if not all(isinstance(text, str) for text in (*facts["words"], *facts["notes"])):
        raise ValueError("expected words and notes of text")
    facts["bad"] = [(str(path), str(reason)) for path, reason in facts["bad"]]
    return facts


def _read_columns(path: Path, *, num_words: int) -> dict[str, dict[str, np.ndarray]]:
    with open_arrays(path) as arrays:
        columns = {
            split: {name: arrays[f"{split}_{name}"] for name in INDEX_KEYS} for split in SPLITS
        }
    for split, of_split in columns.items():
        paths, words, energies, shard_clips = (of_split[name] for name in INDEX_KEYS)
        clips = int(shard_clips.sum())
        shapes = (paths.shape, words.shape, energies.shape, shard_clips.ndim)
        if shapes != ((clips,), (clips,), (clips, BLOCKS), 1):
            raise ValueError(f"its columns for {split} do not fit together")
        if not ((words >= 0) & (words < num_words)).all():
            raise ValueError(f"a clip for {split} has a word that store.json does not name")
    return columns


def _checked_shards(
    folder: Path, split: str, shard_clips: np.ndarray, bytes_per_record: int
) -> tuple[Path, ...]:
    shards = []
    for number, clips in enumerate(shard_clips.tolist()):
        shard = folder / f"{shard_name(split, number)}.tfrecord"
        with _told_when_damaged(folder, shard.name):
            size = shard.stat().st_size
            if size != clips * bytes_per_record:
                raise ValueError(f"expected {clips * bytes_per_record} bytes, found {size}")
        shards.append(shard)
    return tuple(shards)


def _require_whole_archive(path: Path) -> None:
    """A zip file ends with its list of contents, so a truncated one has none."""
    with open_arrays(path) as arrays:
        if "noise" not in arrays:
            raise ValueError("expected an array 'noise'")


@contextmanager
def _told_when_damaged(folder: Path, name: str) -> Iterator[None]:
    try:
        yield
    except PermissionError:
        raise  # nothing is damaged
    except DAMAGE as error:
        reason = " ".join(str(error).split())
        raise PldError(
            f"the packed corpus {folder} is damaged: {name}: {reason}. Remove that folder, and the "
            "corpus is packed anew."
        ) from error
