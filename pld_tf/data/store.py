"""The packed corpus: each clip decoded once, as int16 in TFRecord shards beside an index.

A record is the bare little-endian samples of one clip of exactly one second; everything else known
about it stands at the same position in the index. Clips are packed in an order shuffled by file
name, so that a part of a shard is a fair sample of the corpus.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from platformdirs import user_cache_dir

from pld_tf.data.audio import BadClip, read_audio
from pld_tf.data.corpus import Clip, Corpus
from pld_tf.data.loudness import BLOCK_MS, block_energies, loudest_start_ms
from pld_tf.data.noise import SPLIT_SHARES, noise_by_split
from pld_tf.errors import PldError
from pld_tf.files import write_json, write_npz
from pld_tf.spec import CLIP_MS

FORMAT = 1
SPLITS = tuple(SPLIT_SHARES)
SHARD_CLIPS = 1024
DECODE_THREADS = 2
TFRECORD_FRAMING = 16  # bytes that a record takes beside its own: length, and two checksums
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class SplitIndex:
    """What is known of the clips of one split, in the order of their records.

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
      folder: where it lies.
      key: hash of every sample, name and split: the same wherever the corpus lies.
      words: word folders, sorted.
      splits: index of each split.
      notes: one line each on what packing did to clips.
    """

    folder: Path
    key: str
    sample_rate_hz: int
    words: tuple[str, ...]
    splits: dict[str, SplitIndex]
    notes: tuple[str, ...]

    def noise(self, split: str) -> np.ndarray:
        """Background noise of a split, int16 [samples]."""
        return _read_noise(self.folder, split)


def open_store(
    corpus: Corpus,
    *,
    sample_rate_hz: int,
    cache: Path | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> Store:
    """The packed form of `corpus`, made now if it is not there yet.

    Packing that was stopped goes on at the first missing shard. A changed corpus has another key
    and so another store.

    Args:
      corpus: from `find_corpus`.
      sample_rate_hz: rate of the packed audio.
      cache: folder that holds stores; PLD_TF_CACHE, or the user's cache folder.
      skip_bad: leave unreadable clips out instead of stopping.
      progress: called with clips done and clips in all.

    Raises:
      PldError: unreadable clips (the first ten are named), or the disk is full.
    """
    cache = cache or Path(os.environ.get("PLD_TF_CACHE") or user_cache_dir("pld-tf"))
    folder = cache / _folder_name(corpus, sample_rate_hz)
    with _locked(cache):
        if not (folder / "store.json").is_file():
            _pack(corpus, folder, sample_rate_hz, skip_bad, progress or (lambda done, total: None))
    return _load(folder, skip_bad=skip_bad)


def fit_clip(samples: np.ndarray, length: int) -> np.ndarray:
    """A clip of exactly `length` samples.

    A shorter one is centred between zeros; of a longer one the loudest part is kept.

    >>> fit_clip(np.array([1, 2, 3], np.int16), 6).tolist()
    [0, 1, 2, 3, 0, 0]
    """
    if len(samples) < length:
        before = (length - len(samples)) // 2
        return np.pad(samples, (before, length - len(samples) - before))
    if len(samples) == length:
        return samples
    block = max(1, length * BLOCK_MS // CLIP_MS)
    energies = block_energies(samples, block)[None]
    start = int(loudest_start_ms(energies, CLIP_MS)[0]) // BLOCK_MS * block
    # At some rates a second is a few samples more than its blocks.
    start = min(start, len(samples) - length)
    return samples[start : start + length]


def _folder_name(corpus: Corpus, sample_rate_hz: int) -> str:
    made_of = f"{FORMAT} {sample_rate_hz} {corpus.fingerprint}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:32]


def _pack(
    corpus: Corpus, folder: Path, sample_rate_hz: int, skip_bad: bool, progress: Progress
) -> None:
    partial = folder.with_name(folder.name + ".partial")
    needed = len(corpus.clips) * sample_rate_hz * 2
    with _told_when_full(partial, needed):
        partial.mkdir(parents=True, exist_ok=True)
        for split, noise in noise_by_split(corpus, sample_rate_hz).items():
            write_npz(partial / f"noise-{split}.npz", noise=noise)
        for name, clips, done in _shards(corpus):
            if not (partial / f"{name}.npz").is_file():
                _pack_shard(corpus, partial / name, clips, sample_rate_hz)
            progress(done, len(corpus.clips))
        index = _finish(corpus, partial, sample_rate_hz)
    bad = index["bad"]
    if bad and not skip_bad:
        raise PldError(_bad_clips_message(bad))
    partial.replace(folder)


def _shards(corpus: Corpus) -> Iterator[tuple[str, list[Clip], int]]:
    done = 0
    for split in SPLITS:
        clips = [clip for clip in corpus.clips if clip.split == split]
        clips.sort(key=lambda clip: hashlib.sha256(clip.path.encode()).digest())
        for number, first in enumerate(range(0, len(clips), SHARD_CLIPS)):
            part = clips[first : first + SHARD_CLIPS]
            done += len(part)
            yield f"{split}-{number:05d}", part, done


def _pack_shard(corpus: Corpus, target: Path, clips: list[Clip], sample_rate_hz: int) -> None:
    length = sample_rate_hz * CLIP_MS // 1000
    kept: list[int] = []
    bad: list[tuple[str, str]] = []
    sizes, energies = [], []
    digest = hashlib.sha256()

    def read(clip: Clip) -> np.ndarray | BadClip:
        try:
            return read_audio(corpus.root / clip.path, sample_rate_hz=sample_rate_hz)
        except BadClip as error:
            return error

    records = target.with_suffix(".tfrecord")
    with ThreadPoolExecutor(DECODE_THREADS) as pool, tf.io.TFRecordWriter(str(records)) as writer:
        for position, samples in enumerate(pool.map(read, clips)):
            if isinstance(samples, BadClip):
                bad.append((clips[position].path, str(samples)))
                continue
            fitted = fit_clip(samples, length)
            record = fitted.astype("<i2").tobytes()
            writer.write(record)
            digest.update(hashlib.sha256(clips[position].path.encode()).digest() + record)
            energies.append(block_energies(fitted, length * BLOCK_MS // CLIP_MS))
            kept.append(position)
            sizes.append(len(samples))
    # The shard counts as packed once this file stands.
    write_npz(
        target.with_suffix(".npz"),
        kept=np.array(kept, np.int32),
        sizes=np.array(sizes, np.int64),
        energies=np.array(energies, np.float32).reshape(len(kept), CLIP_MS // BLOCK_MS),
        bad=np.array(json.dumps(bad)),
        digest=np.array(digest.hexdigest()),
    )


def _finish(corpus: Corpus, partial: Path, sample_rate_hz: int) -> dict:
    words = sorted({clip.word for clip in corpus.clips})
    arrays: dict[str, list] = {f"{split}_{k}": [] for split in SPLITS for k in _INDEX_KEYS}
    bad: list[tuple[str, str]] = []
    sizes: list[np.ndarray] = []
    digest = hashlib.sha256(f"{FORMAT} {sample_rate_hz}".encode())
    for name, clips, _ in _shards(corpus):
        split = name.split("-")[0]
        with np.load(partial / f"{name}.npz", allow_pickle=False) as shard:
            kept = [clips[position] for position in shard["kept"]]
            arrays[f"{split}_energies"].append(shard["energies"])
            arrays[f"{split}_shard_clips"].append(np.array([len(kept)], np.int64))
            sizes.append(shard["sizes"])
            bad += json.loads(str(shard["bad"]))
            digest.update(f"{name} {shard['digest']}".encode())
        arrays[f"{split}_paths"].append(np.array([clip.path.encode() for clip in kept], np.bytes_))
        word_ids = [words.index(clip.word) for clip in kept]
        arrays[f"{split}_words"].append(np.array(word_ids, np.int32))
    for split in SPLITS:
        if not sum(int(n[0]) for n in arrays[f"{split}_shard_clips"]):
            raise PldError(_empty_split_message(split, corpus, bad))
        digest.update(_read_noise(partial, split).tobytes())
    write_npz(
        partial / "index.npz", **{name: np.concatenate(parts) for name, parts in arrays.items()}
    )
    index = {
        "format": FORMAT,
        "key": digest.hexdigest(),
        "sample_rate_hz": sample_rate_hz,
        "words": words,
        "bad": sorted(bad),
        "notes": _notes(np.concatenate(sizes), sample_rate_hz),
    }
    write_json(partial / "store.json", index)
    return index


_INDEX_KEYS = ("paths", "words", "energies", "shard_clips")


def _load(folder: Path, *, skip_bad: bool) -> Store:
    try:
        index = json.loads((folder / "store.json").read_text("utf-8"))
        splits = _load_splits(folder, sample_rate_hz=index["sample_rate_hz"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PldError(
            f"the packed corpus {folder} is damaged: {error}. Remove that folder, and the corpus "
            "is packed anew."
        ) from error
    if index["bad"] and not skip_bad:
        raise PldError(_bad_clips_message(index["bad"]))
    notes = list(index["notes"])
    if index["bad"]:
        notes.append(f"{len(index['bad'])} unreadable clips were left out.")
    return Store(
        folder=folder,
        key=index["key"],
        sample_rate_hz=index["sample_rate_hz"],
        words=tuple(index["words"]),
        splits=splits,
        notes=tuple(notes),
    )


def _load_splits(folder: Path, *, sample_rate_hz: int) -> dict[str, SplitIndex]:
    record_bytes = 2 * sample_rate_hz * CLIP_MS // 1000 + TFRECORD_FRAMING
    splits = {}
    with np.load(folder / "index.npz", allow_pickle=False) as arrays:
        for split in SPLITS:
            columns = {name: arrays[f"{split}_{name}"] for name in _INDEX_KEYS}
            shards = []
            for number, clips in enumerate(columns["shard_clips"]):
                shard = folder / f"{split}-{number:05d}.tfrecord"
                if shard.stat().st_size != clips * record_bytes:
                    raise ValueError(f"{shard.name} must have {clips * record_bytes} bytes")
                shards.append(shard)
            splits[split] = SplitIndex(shards=tuple(shards), **columns)
    return splits


def _read_noise(folder: Path, split: str) -> np.ndarray:
    with np.load(folder / f"noise-{split}.npz", allow_pickle=False) as file:
        return file["noise"]


def _notes(sizes: np.ndarray, sample_rate_hz: int) -> list[str]:
    length = sample_rate_hz * CLIP_MS // 1000
    notes = []
    if short := int((sizes < length).sum()):
        notes.append(f"{short} clips shorter than a second were centred and padded with zeros.")
    if long := int((sizes > length).sum()):
        notes.append(f"{long} clips longer than a second were cut to their loudest second.")
    return notes


def _bad_clips_message(bad: list[tuple[str, str]]) -> str:
    first = "; ".join(f"{path}: {reason}" for path, reason in bad[:10])
    more = f"; and {len(bad) - 10} more" if len(bad) > 10 else ""
    return (
        f"{len(bad)} clips can't be read: {first}{more}. Mend or remove them, or leave them out "
        "with --skip-bad."
    )


def _empty_split_message(split: str, corpus: Corpus, bad: list[tuple[str, str]]) -> str:
    if bad:
        return _bad_clips_message(bad)
    return (
        f"no clip of {corpus.root} falls into the {split} split; {len(corpus.clips)} clips are too "
        "few, or come from too few speakers. Add clips, or name splits in validation_list.txt and "
        "testing_list.txt."
    )


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """One process packs; another that wants the same corpus waits, and finds it packed."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        folder = os.open(cache, os.O_RDONLY)
    except OSError as error:
        raise PldError(
            f"the packed corpus can't be written to {cache}: {error.strerror}. Name another folder "
            "in PLD_TF_CACHE."
        ) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def _told_when_full(partial: Path, needed: int) -> Iterator[None]:
    """Turn a full disk into one line, and free what was taken."""
    try:
        yield
    except (OSError, tf.errors.ResourceExhaustedError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise PldError(f"the packed corpus can't be written: {error}.") from error
        shutil.rmtree(partial, ignore_errors=True)
        raise PldError(
            f"the disk of {partial.parent} is full: packing takes about {needed / 1e6:.0f} MB. "
            "Free some space, or name another disk in PLD_TF_CACHE."
        ) from error
