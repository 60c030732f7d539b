"""One pass over every file of a corpus. Memory does not grow with the audio."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pld_tf.data.audio.decode import decode
from pld_tf.data.audio.digest import content_digest
from pld_tf.data.audio.read import BadClip, read_file
from pld_tf.data.audio.resample import at_rate
from pld_tf.data.corpus.corpus import Clip, Corpus
from pld_tf.data.store.loudness import BLOCK_MS, block_energies, word_levels_db
from pld_tf.data.store.pack import DECODE_THREADS, fit_clip
from pld_tf.data.store.packed import clip_samples
from pld_tf.doctor.checks import Fault, sound_faults
from pld_tf.doctor.copies import Copies
from pld_tf.doctor.findings import Finding, finding
from pld_tf.doctor.levels import level_findings
from pld_tf.doctor.long_clips import Heard, heard_of, long_clip_notes
from pld_tf.doctor.speakers import shared_speakers
from pld_tf.features.spec import CLIP_MS
from pld_tf.system.progress import Advance

CHUNK_CLIPS = 512  # examined, then forgotten: 16 MB of audio at 16 kHz

# Finds faults of clips, given their int16 samples [clips, samples in a second].
Judge = Callable[[list[Clip], np.ndarray], Iterable[Finding]]


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What was found in a corpus.

    Attributes:
      findings: of all clips.
      levels_db: level of each clip that is a whole recording and not near silent.
      notes: on clips that do not last a second.
    """

    findings: list[Finding]
    levels_db: dict[Clip, float]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _ExaminedClip:
    """What is kept about a clip; `second` only until its chunk is judged."""

    faults: tuple[Fault, ...]
    file_digest: bytes
    content: bytes | None
    level_db: float
    is_padded: bool
    heard: Heard | None
    second: np.ndarray | None


def examine(
    corpus: Corpus,
    *,
    sample_rate_hz: int,
    short_ms: int,
    judge: Judge | None,
    progress: Advance,
) -> Examined:
    """Read each clip once.

    Args:
      corpus: from `list_corpus`.
      sample_rate_hz: a clip of another rate is `wrong_rate`.
      short_ms: a shorter clip is `short`.
      judge: gets every readable clip at that rate, fitted to a second; None skips this check.
      progress: called with clips done and clips in all.
    """
    found, copies, padded = list(_shared(corpus)), Copies(), 0
    long: list[tuple[str, Heard]] = []
    levels_db: dict[Clip, float] = {}
    examine_one = partial(
        _examined_or_reason,
        corpus=corpus,
        sample_rate_hz=sample_rate_hz,
        short_ms=short_ms,
        is_judged=judge is not None,
    )
    with ThreadPoolExecutor(DECODE_THREADS) as pool:
        for clips, done in _chunks(corpus.clips):
            whole: list[tuple[Clip, _ExaminedClip]] = []
            for clip, examined in zip(clips, pool.map(examine_one, clips), strict=True):
                if isinstance(examined, str):
                    found.append(finding(clip, "unreadable", examined))
                    continue
                whole.append((clip, examined))
                copies.add(clip, file_digest=examined.file_digest, content=examined.content)
                if "near_silent" not in dict(examined.faults):
                    levels_db[clip] = examined.level_db
                padded += examined.is_padded
                if examined.heard:
                    long.append((clip.path, examined.heard))
            found += _faults(whole, judge)
            progress(done, len(corpus.clips))
    return Examined(
        findings=[*found, *copies.findings(), *level_findings(levels_db)],
        levels_db=levels_db,
        notes=(*_padded_notes(padded), *long_clip_notes(long)),
    )


def _padded_notes(padded: int) -> list[str]:
    if not padded:
        return []
    return [f"{padded:,} clips are shorter than a second: they are padded with zeros when packed."]


def _shared(corpus: Corpus) -> Iterator[Finding]:
    """Speakers that lists put into several splits. Without lists, a note says who is in several."""
    return shared_speakers(corpus.clips) if corpus.is_listed else iter(())


def _faults(whole: list[tuple[Clip, _ExaminedClip]], judge: Judge | None) -> Iterator[Finding]:
    for clip, examined in whole:
        yield from (finding(clip, reason, detail) for reason, detail in examined.faults)
    if judge and whole:
        seconds = [examined.second for _, examined in whole if examined.second is not None]
        yield from judge([clip for clip, _ in whole], np.stack(seconds))


def _chunks(clips: tuple[Clip, ...]) -> Iterator[tuple[tuple[Clip, ...], int]]:
    for first in range(0, len(clips), CHUNK_CLIPS):
        chunk = clips[first : first + CHUNK_CLIPS]
        yield chunk, first + len(chunk)


def _examined_or_reason(clip: Clip, *, corpus: Corpus, **how: Any) -> _ExaminedClip | str:
    """The results of examining a clip, or why it can't be read."""
    try:
        return _examine_clip(corpus.file(clip), **how)
    except BadClip as error:
        return str(error)
    except OSError as error:
        return f"can't be opened ({error.strerror or error})"


def _examine_clip(
    path: Path, *, sample_rate_hz: int, short_ms: int, is_judged: bool
) -> _ExaminedClip:
    data = read_file(path)
    recording = decode(data)
    native_hz = recording.sample_rate_hz
    samples = at_rate(recording, native_hz)
    block_samples = native_hz * BLOCK_MS // 1000
    # A clip shorter than a block has a level too.
    energies = block_energies(samples, min(block_samples, len(samples)))
    faults = list(sound_faults(samples, native_hz, short_ms=short_ms))
    if native_hz != sample_rate_hz:
        faults.append(("wrong_rate", f"{native_hz} Hz, resampled to {sample_rate_hz}"))
    second = None
    if is_judged:
        second = fit_clip(at_rate(recording, sample_rate_hz), clip_samples(sample_rate_hz))
    return _ExaminedClip(
        faults=tuple(faults),
        file_digest=hashlib.sha256(data).digest(),
        content=content_digest(samples, native_hz),
        level_db=float(word_levels_db(energies[None], block_samples)[0]),
        is_padded=len(samples) * 1000 < native_hz * CLIP_MS,
        heard=heard_of(samples, native_hz),
        second=second,
    )
