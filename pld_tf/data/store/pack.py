"""Pack a corpus: decode each clip once, into int16 TFRecord shards beside an index.

Clips are packed in an order shuffled by file name, so a part of a shard is a fair sample of the
corpus. Packing that was stopped continues. `packed` describes the files.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from pld_tf.data.audio.read import BadClip, read_audio
from pld_tf.data.corpus.corpus import Clip, Corpus
from pld_tf.data.store.cache import cache_folder, claimed_for_packing, told_when_full
from pld_tf.data.store.lock import LOCK_NAME
from pld_tf.data.store.loudness import BLOCK_MS, block_energies, loudest_start_ms, without_word
from pld_tf.data.store.noise import noise_notes, recorded_noise, with_generated
from pld_tf.data.store.packed import (
    BLOCKS,
    DAMAGE,
    INDEX_KEYS,
    SPLITS,
    SplitIndex,
    Store,
    bad_clips_message,
    clip_samples,
    load_store,
    noise_name,
    open_arrays,
    read_noise,
    record_bytes,
    shard_name,
)
from pld_tf.errors import PldError
from pld_tf.features.spec import CLIP_MS
from pld_tf.system.files import write_json, write_npz
from pld_tf.system.progress import Advance, Say

__all__ = ["SPLITS", "SplitIndex", "Store", "fit_clip", "open_store"]

STORE_FORMAT = 1
READER = 3  # raised when more files can be read; clips left out are then tried again
SHARD_CLIPS = 1024
DECODE_THREADS = 2


def open_store(
    corpus: Corpus,
    *,
    sample_rate_hz: int,
    cache: Path | None = None,
    skip_bad: bool = False,
    progress: Advance | None = None,
    say: Say | None = None,
    needed: Sequence[str] = SPLITS,
) -> Store:
    """The packed form of `corpus`; packs it first if necessary.

    Packing that was stopped continues at the first missing shard. A changed corpus has another key
    and so another store.

    Args:
      corpus: from `find_corpus`.
      sample_rate_hz: rate of the packed audio.
      cache: folder that holds stores; PLD_TF_CACHE, or the user's cache folder.
      skip_bad: leave unreadable clips out instead of stopping.
      progress: called with clips done and clips in all.
      say: called with one line when another process packs the same corpus and this one waits.
      needed: splits that must have clips.

    Raises:
      PldError: a needed split without clips, unreadable clips (the first ten are named), a
        damaged store, or a full disk.
    """
    cache = cache or cache_folder()
    folder = cache / _folder_name(corpus, sample_rate_hz)
    # The folder gets its final name when it is complete. What it holds is read, or is damaged.
    if not folder.exists():
        with claimed_for_packing(cache, folder.with_name(folder.name + ".partial"), say) as partial:
            if folder.exists():  # the other process has packed it
                shutil.rmtree(partial, ignore_errors=True)
            else:
                bad = _pack(corpus, partial, sample_rate_hz, needed, progress or _no_progress)
                if bad and not skip_bad:
                    raise PldError(bad_clips_message(bad))
                partial.replace(folder)
                (folder / LOCK_NAME).unlink(missing_ok=True)
    return replace(load_store(folder, skip_bad=skip_bad), listing=listing_of(corpus))


def listing_of(corpus: Corpus) -> str:
    """Hash of the paths and splits of a corpus' clips, hex. It is quick: no clip is opened."""
    lines = sorted(f"{clip.path}\0{clip.split}\0" for clip in corpus.clips)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def fit_clip(samples: np.ndarray, length: int) -> np.ndarray:
    """A clip of exactly `length` samples.

    A shorter clip is centred between zeros. A longer clip is cut to its loudest part.

    >>> fit_clip(np.array([1, 2, 3], np.int16), 6).tolist()
    [0, 1, 2, 3, 0, 0]
    """
    if len(samples) < length:
        before = (length - len(samples)) // 2
        return np.pad(samples, (before, length - len(samples) - before))
    if len(samples) == length:
        return samples
    start = loudest_part(samples, length)
    return samples[start : start + length]


def loudest_part(samples: np.ndarray, length: int) -> int:
    """First sample of the loudest part of `length` samples, in a clip at least as long."""
    block = max(1, length * BLOCK_MS // CLIP_MS)
    energies = block_energies(samples, block)[None]
    start = int(loudest_start_ms(energies, CLIP_MS)[0]) // BLOCK_MS * block
    # At some rates a second has a few samples more than its blocks.
    return min(start, len(samples) - length)


def _folder_name(corpus: Corpus, sample_rate_hz: int) -> str:
    made_of = f"{STORE_FORMAT} {READER} {sample_rate_hz} {corpus.fingerprint}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:32]


def _no_progress(done: int, total: int) -> None:
    pass


def _pack(
    corpus: Corpus, partial: Path, sample_rate_hz: int, needed: Sequence[str], progress: Advance
) -> list[tuple[str, str]]:
    """Pack all clips; return bad ones with their reasons."""
    for split in needed:
        if not any(clip.split == split for clip in corpus.clips):
            raise PldError(_empty_split_message(split, corpus, bad=[]))
    needed_bytes = len(corpus.clips) * sample_rate_hz * 2
    with told_when_full(partial, needed_bytes):
        recorded = recorded_noise(corpus, sample_rate_hz)
        for split, noise in with_generated(recorded, sample_rate_hz).items():
            write_npz(partial / noise_name(split), noise=noise)
        for name, clips, done in _shards(corpus):
            if not _is_packed(partial / name, len(clips), sample_rate_hz):
                _pack_shard(corpus, partial / name, clips, sample_rate_hz)
            progress(done, len(corpus.clips))
        notes = noise_notes(recorded, sample_rate_hz)
        return _finish(corpus, partial, sample_rate_hz, needed, notes)


def _shards(corpus: Corpus) -> Iterator[tuple[str, list[Clip], int]]:
    done = 0
    for split in SPLITS:
        clips = [clip for clip in corpus.clips if clip.split == split]
        clips.sort(key=lambda clip: hashlib.sha256(clip.path.encode()).digest())
        for number, first in enumerate(range(0, len(clips), SHARD_CLIPS)):
            part = clips[first : first + SHARD_CLIPS]
            done += len(part)
            yield shard_name(split, number), part, done


def _is_packed(target: Path, clips: int, sample_rate_hz: int) -> bool:
    """Whether an earlier, stopped packing left both files of a shard whole."""
    try:
        with open_arrays(target.with_suffix(".npz")) as arrays:
            shard = {name: arrays[name] for name in _SHARD_KEYS}
        kept = len(shard["kept"])
        return (
            kept + len(json.loads(str(shard["bad"]))) == clips
            and shard["sizes"].shape == (kept,)
            and shard["energies"].shape == (kept, BLOCKS)
            and target.with_suffix(".tfrecord").stat().st_size
            == kept * record_bytes(sample_rate_hz)
            and not shard["unopened"]  # such clips may be readable by now
        )
    except DAMAGE:
        return False


_NO_CLIPS = {
    "paths": np.zeros(0, "S1"),
    "words": np.zeros(0, np.int32),
    "energies": np.zeros((0, BLOCKS), np.float32),
    "shard_clips": np.zeros(0, np.int64),
}
_SHARD_KEYS = ("kept", "sizes", "energies", "bad", "unopened", "digest")


def _pack_shard(corpus: Corpus, target: Path, clips: list[Clip], sample_rate_hz: int) -> None:
    length = clip_samples(sample_rate_hz)
    kept: list[int] = []
    bad: list[tuple[str, str]] = []
    unopened = 0
    sizes, energies = [], []
    digest = hashlib.sha256()

    def read(clip: Clip) -> np.ndarray | BadClip | OSError:
        try:
            return read_audio(corpus.file(clip), sample_rate_hz=sample_rate_hz)
        except (BadClip, OSError) as error:
            return error

    records = target.with_suffix(".tfrecord")
    with ThreadPoolExecutor(DECODE_THREADS) as pool, tf.io.TFRecordWriter(str(records)) as writer:
        for position, samples in enumerate(pool.map(read, clips)):
            if not isinstance(samples, np.ndarray):
                bad.append((clips[position].path, _reason(samples)))
                unopened += isinstance(samples, OSError)
                continue
            fitted = fit_clip(samples, length)
            record = fitted.astype("<i2").tobytes()
            writer.write(record)
            digest.update(hashlib.sha256(clips[position].path.encode()).digest() + record)
            energies.append(block_energies(fitted, length * BLOCK_MS // CLIP_MS))
            kept.append(position)
            sizes.append(len(samples))
    # The shard counts as packed once this file exists.
    write_npz(
        target.with_suffix(".npz"),
        kept=np.array(kept, np.int32),
        sizes=np.array(sizes, np.int64),
        energies=np.array(energies, np.float32).reshape(len(kept), BLOCKS),
        bad=np.array(json.dumps(bad)),
        unopened=np.array(unopened),
        digest=np.array(digest.hexdigest()),
    )


def _reason(error: BadClip | OSError) -> str:
    if isinstance(error, OSError):
        return f"can't be opened ({error.strerror or error})"
    return str(error)


def _finish(
    corpus: Corpus, partial: Path, sample_rate_hz: int, needed: Sequence[str], notes: list[str]
) -> list[tuple[str, str]]:
    """Write the files that span all shards, store.json last; return bad clips and their reasons."""
    words = sorted({clip.word for clip in corpus.clips})
    number_of = {word: number for number, word in enumerate(words)}
    # A split may have no shard; its columns are empty then.
    arrays = {f"{split}_{k}": [_NO_CLIPS[k]] for split in SPLITS for k in INDEX_KEYS}
    bad: list[tuple[str, str]] = []
    sizes: list[np.ndarray] = []
    digest = hashlib.sha256(f"{STORE_FORMAT} {sample_rate_hz}".encode())
    for name, clips, _ in _shards(corpus):
        split = name.split("-")[0]
        with open_arrays(partial / f"{name}.npz") as shard:
            kept = [clips[position] for position in shard["kept"]]
            arrays[f"{split}_energies"].append(shard["energies"])
            arrays[f"{split}_shard_clips"].append(np.array([len(kept)], np.int64))
            sizes.append(shard["sizes"])
            bad += json.loads(str(shard["bad"]))
            digest.update(f"{name} {shard['digest']}".encode())
        arrays[f"{split}_paths"].append(np.array([clip.path.encode() for clip in kept], np.bytes_))
        word_ids = [number_of[clip.word] for clip in kept]
        arrays[f"{split}_words"].append(np.array(word_ids, np.int32))
    for split in SPLITS:
        if split in needed and not any(n.any() for n in arrays[f"{split}_shard_clips"]):
            raise PldError(_empty_split_message(split, corpus, bad))
        digest.update(read_noise(partial, split).tobytes())
    write_npz(
        partial / "index.npz", **{name: np.concatenate(parts) for name, parts in arrays.items()}
    )
    index = {
        "format": STORE_FORMAT,
        "key": digest.hexdigest(),
        "sample_rate_hz": sample_rate_hz,
        "words": words,
        "bad": sorted(bad),
        "notes": [
            *notes,
            *_notes(np.concatenate(sizes), sample_rate_hz),
            *_wordless_notes(arrays, clip_samples(sample_rate_hz) * BLOCK_MS // CLIP_MS),
        ],
    }
    write_json(partial / "store.json", index)
    return index["bad"]


def _notes(sizes: np.ndarray, sample_rate_hz: int) -> list[str]:
    length = clip_samples(sample_rate_hz)
    notes = []
    if short := int((sizes < length).sum()):
        notes.append(f"{short} clips shorter than a second were centred and padded with zeros.")
    if long := int((sizes > length).sum()):
        notes.append(f"{long} clips longer than a second were cut to their loudest second.")
    return notes


def _wordless_notes(arrays: dict[str, list], block_samples: int) -> list[str]:
    paths = np.concatenate([part for split in SPLITS for part in arrays[f"{split}_paths"]])
    energies = np.concatenate([part for split in SPLITS for part in arrays[f"{split}_energies"]])
    wordless = sorted(paths[without_word(energies, block_samples)])
    if not wordless:
        return []
    return [
        f"{len(wordless):,} clips are silent or as loud throughout, as {wordless[0].decode()}: "
        "they count as their word. pld-tf doctor --out lists them for --exclude."
    ]


def _empty_split_message(split: str, corpus: Corpus, bad: list[tuple[str, str]]) -> str:
    if bad:
        return bad_clips_message(bad)
    cause = corpus.lists.empty_because(split)
    if cause:
        return f"no clip of {corpus.root} is in the {split} split: {cause} Mend the lists."
    return (
        f"no clip of {corpus.root} falls into the {split} split; {len(corpus.clips)} clips are too "
        "few, or come from too few speakers. Add clips, or name splits in validation_list.txt and "
        "testing_list.txt."
    )
