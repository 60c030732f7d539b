"""Pack recordings without keywords as a store of their own, beside that of the words.

A clip of this store is a piece of a recording. Its word is the folder of the recording and whether
it is a pause, as `word_names` tells. The store's noise is some sound of the split, to lie under
words. Packing that was stopped continues.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from pld_tf.data.audio.long_recording import read_parts
from pld_tf.data.audio.read import BadClip, why_unread
from pld_tf.data.corpus.corpus import Corpus
from pld_tf.data.corpus.negatives import NegativeRecording
from pld_tf.data.negatives.pieces import (
    KINDS,
    PIECE_HOP_MS,
    SOUND,
    Pieces,
    cut_pieces,
    piece_paths,
)
from pld_tf.data.store.cache import cache_folder, claimed_for_packing, told_when_full
from pld_tf.data.store.lock import LOCK_NAME
from pld_tf.data.store.packed import (
    BLOCKS,
    DAMAGE,
    SPLITS,
    Store,
    load_store,
    noise_name,
    open_arrays,
    record_bytes,
    shard_name,
)
from pld_tf.system.files import write_json, write_npz
from pld_tf.system.progress import Advance, Say

_FORMAT = 1
# Longest sound that is packed of each split; recordings come in an order drawn from their names.
MOST_HOURS = {"train": 24.0, "validation": 4.0, "test": 4.0}
_SHARD_PIECES = 2048
_NOISE_SECONDS = 1200  # speech to lie under words; training holds it in memory
_EMPTY = {
    "paths": np.zeros(0, "S1"),
    "words": np.zeros(0, np.int32),
    "energies": np.zeros((0, BLOCKS), np.float32),
}


def open_negatives(
    corpus: Corpus, *, sample_rate_hz: int, progress: Advance, say: Say | None = None
) -> Store | None:
    """The packed form of a corpus' `_negatives_`; packs them first if necessary.

    Returns:
      A store with the words of `word_names`; None if the corpus has no such recordings.

    Raises:
      PldError: a damaged store, or a full disk.
    """
    if not corpus.negatives:
        return None
    cache = cache_folder()
    folder = cache / _folder_name(corpus, sample_rate_hz)
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        with claimed_for_packing(cache, partial, say) as partial:
            if not folder.exists():
                with told_when_full(partial, _most_bytes(corpus, sample_rate_hz)):
                    _pack(corpus, partial, sample_rate_hz, progress)
                partial.replace(folder)
                (folder / LOCK_NAME).unlink(missing_ok=True)
    return load_store(folder, skip_bad=True)


def word_names(folders: Sequence[str]) -> list[str]:
    """The words of a store of negatives: sound and pauses of each folder.

    >>> word_names(["music"])
    ['music/sound', 'music/pause']
    """
    return [f"{folder}/{kind}" for folder in folders for kind in KINDS]


def _folder_name(corpus: Corpus, sample_rate_hz: int) -> str:
    digest = hashlib.sha256(f"negatives {_FORMAT} {sample_rate_hz}\0".encode())
    for one in corpus.negatives:
        digest.update(f"{one.path}\0{one.split}\0{one.stamp}\0".encode())
    return digest.hexdigest()[:32]


def _most_bytes(corpus: Corpus, sample_rate_hz: int) -> int:
    seconds = 3600 * sum(MOST_HOURS.values())
    # Compressed recordings are at most this much larger when they are unpacked and cut twice.
    on_disk = sum(one.stamp[0] for one in corpus.negatives)
    return int(min(4 * sample_rate_hz * seconds, 16 * on_disk))


@dataclass(frozen=True, kw_only=True)
class _Shard:
    """What is known of a packed shard."""

    name: str
    split: str
    recordings: int
    pieces: int


def _pack(corpus: Corpus, partial: Path, sample_rate_hz: int, progress: Advance) -> None:
    done, total = 0, len(corpus.negatives)
    shards: list[_Shard] = []
    notes: list[str] = []
    for split in SPLITS:
        waiting = _ordered(corpus, split)
        left = int(3600 * MOST_HOURS[split] * 1000 / PIECE_HOP_MS)
        for number in range(len(waiting)):
            if not waiting or left <= 0:
                break
            name = shard_name(split, number)
            shard = _packed(partial, name, split, sample_rate_hz) or _pack_shard(
                corpus, partial / name, waiting, sample_rate_hz, most=min(left, _SHARD_PIECES)
            )
            waiting = waiting[shard.recordings :]
            left -= shard.pieces
            done += shard.recordings
            shards.append(shard)
            progress(done, total)
        if waiting:
            notes.append(
                f"{len(waiting):,} recordings of _negatives_ for {split} are not used: "
                f"{MOST_HOURS[split]:g} h are enough."
            )
    _finish(corpus, partial, sample_rate_hz, shards, notes)


def folders_of(corpus: Corpus) -> list[str]:
    """The folders of `_negatives_`, sorted."""
    return sorted({one.folder for one in corpus.negatives})


def _ordered(corpus: Corpus, split: str) -> list[NegativeRecording]:
    of_split = [one for one in corpus.negatives if one.split == split]
    return sorted(of_split, key=lambda one: hashlib.sha256(one.path.encode()).digest())


def _packed(partial: Path, name: str, split: str, sample_rate_hz: int) -> _Shard | None:
    """A shard that an earlier, stopped packing left whole."""
    try:
        with open_arrays(partial / f"{name}.npz") as arrays:
            pieces, recordings = len(arrays["words"]), int(arrays["recordings"])
        size = (partial / f"{name}.tfrecord").stat().st_size
        if size != pieces * record_bytes(sample_rate_hz):
            return None
    except DAMAGE:
        return None
    return _Shard(name=name, split=split, recordings=recordings, pieces=pieces)


def _pack_shard(
    corpus: Corpus, target: Path, waiting: list[NegativeRecording], rate: int, *, most: int
) -> _Shard:
    """Pack recordings until there are `most` pieces."""
    columns: dict[str, list[np.ndarray]] = {name: [empty] for name, empty in _EMPTY.items()}
    folders = folders_of(corpus)
    bad: list[tuple[str, str]] = []
    digest = hashlib.sha256()
    spoken: list[np.ndarray] = [np.zeros(0, np.int16)]
    share = max(2, _NOISE_SECONDS // max(1, len(waiting)))
    recordings = pieces = 0
    with tf.io.TFRecordWriter(str(target.with_suffix(".tfrecord"))) as writer:
        for one in waiting:
            if pieces >= most:
                break
            recordings += 1
            room = share * rate
            for part, path in _parts(corpus, one, rate, bad):
                for piece in part.samples:
                    record = piece.astype("<i2").tobytes()
                    writer.write(record)
                    digest.update(record)
                digest.update(one.path.encode())
                columns["paths"].append(piece_paths(path, len(part.kinds)))
                columns["words"].append(len(KINDS) * folders.index(one.folder) + part.kinds)
                columns["energies"].append(part.energies)
                pieces += len(part.kinds)
                taken = part.samples[::2][part.kinds[::2] == SOUND].reshape(-1)[:room]
                room -= len(taken)
                spoken.append(taken)
    # The shard counts as packed once this file exists.
    write_npz(
        target.with_suffix(".npz"),
        **{name: np.concatenate(parts) for name, parts in columns.items()},
        recordings=np.array(recordings),
        bad=np.array(json.dumps(bad)),
        digest=np.array(digest.hexdigest()),
        spoken=np.concatenate(spoken),
    )
    return _Shard(
        name=target.name, split=target.name.split("-")[0], recordings=recordings, pieces=pieces
    )


def _parts(
    corpus: Corpus, one: NegativeRecording, rate: int, bad: list[tuple[str, str]]
) -> Iterator[tuple[Pieces, str]]:
    """Pieces of the parts of a recording; what can't be read is added to `bad`."""
    try:
        for number, part in enumerate(read_parts(corpus.root / one.on_disk, sample_rate_hz=rate)):
            path = f"{one.path}~{number}" if number else one.path
            yield cut_pieces(part, rate, is_noise=one.is_noise), path
    except (BadClip, OSError) as error:
        bad.append((one.path, why_unread(error)))


def _finish(
    corpus: Corpus, partial: Path, rate: int, shards: list[_Shard], notes: list[str]
) -> None:
    """Write the files that span all shards, store.json last."""
    digest = hashlib.sha256(f"negatives {_FORMAT} {rate}".encode())
    arrays: dict[str, np.ndarray] = {}
    bad: list[tuple[str, str]] = []
    for split in SPLITS:
        columns = {name: [empty] for name, empty in _EMPTY.items()}
        spoken = [np.zeros(0, np.int16)]
        of_split = [shard for shard in shards if shard.split == split]
        for shard in of_split:
            with open_arrays(partial / f"{shard.name}.npz") as packed:
                for name, parts in columns.items():
                    parts.append(packed[name])
                spoken.append(packed["spoken"])
                bad += json.loads(str(packed["bad"]))
                digest.update(f"{shard.name} {packed['digest']}".encode())
        for name, parts in columns.items():
            arrays[f"{split}_{name}"] = np.concatenate(parts)
        arrays[f"{split}_shard_clips"] = np.array([one.pieces for one in of_split], np.int64)
        noise = np.concatenate(spoken)[: _NOISE_SECONDS * rate]
        write_npz(partial / noise_name(split), noise=noise)
    write_npz(partial / "index.npz", **arrays)
    if bad:
        path, reason = min(bad)
        notes = [*notes, f"{len(bad)} recordings of _negatives_ are left out, as {path}: {reason}."]
    hours = ", ".join(
        f"{len(arrays[f'{split}_words']) * PIECE_HOP_MS / 3.6e6:.2f} h for {split}"
        for split in SPLITS
    )
    facts = {
        "format": _FORMAT,
        "key": digest.hexdigest(),
        "sample_rate_hz": rate,
        "words": word_names(folders_of(corpus)),
        "bad": [],
        "notes": [f"_negatives_: {len(corpus.negatives):,} recordings, {hours}.", *notes],
    }
    write_json(partial / "store.json", facts)
