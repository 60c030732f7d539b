"""Detect words in a recording or a live stream with a bundle's own C."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from firmware_harness.bundle.read import open_bundle
from firmware_harness.errors import HarnessError
from firmware_harness.listen.level import LevelWatch
from firmware_harness.listen.pcm import read_samples
from firmware_harness.runtimes.host_library import HostLibrary, open_library

Say = Callable[[str], None]
SCORE_ONE = 32768
STANDARD_INPUT = Path("-")


@dataclass(frozen=True, kw_only=True)
class Detection:
    """One word. `score` is its mean probability, 0 to 1. `time_s` runs from the first sample to the
    end of the audio that the model had."""

    word: str
    score: float
    time_s: float


def open_listener(bundle: Path) -> HostLibrary:
    """A bundle's C, after its files are checked against its manifest.

    Raises:
      HarnessError: a damaged bundle, one that takes no audio, or no C compiler.
    """
    opened = open_bundle(bundle)
    if not bundle.is_dir() or opened.kind != "int8":
        raise HarnessError(
            f"{bundle} has no C for audio; give a firmware bundle of pld-tf export RUN --int8."
        )
    library = open_library(bundle, prefix=opened.prefix)
    library.open_stream()
    return library


def level_watch(bundle: Path, library: HostLibrary, say: Say | None) -> LevelWatch:
    """Tells by `say`, once, that a stream is much quieter or louder than a bundle's training."""
    trained_db = open_bundle(bundle).word_level_db
    return LevelWatch(trained_db, library.sample_rate_hz, say or _nothing)


def _nothing(line: str) -> None:
    pass


def listen(bundle: Path, source: Path, *, say: Say | None = None) -> Iterator[Detection]:
    """Words of a stream, each as soon as it is detected.

    Args:
      bundle: folder of `pld-tf export`; its C is compiled and run.
      source: a WAV file; `-` for standard input, bare samples or a WAV file.
      say: called at most once, where the stream is much quieter or louder than the training.

    Raises:
      HarnessError: as `open_listener`, or the source cannot be read as such samples.
    """
    library = open_listener(bundle)
    level = level_watch(bundle, library, say)
    if source == STANDARD_INPUT:
        # A BufferedReader, although the type of sys.stdin does not state it.
        stdin = cast(BufferedIOBase, sys.stdin.buffer)
        yield from detect(library, stdin, name="-", raw=True, level=level)
        return
    try:
        with source.open("rb") as file:
            yield from detect(library, file, name=str(source), raw=False, level=level)
    except OSError as error:
        raise HarnessError(f"cannot read {source}: {error.strerror}.") from error


def detect(
    library: HostLibrary,
    source: BufferedIOBase,
    *,
    name: str,
    raw: bool,
    level: LevelWatch | None = None,
) -> Iterator[Detection]:
    """As `listen`, from any source of bytes."""
    rate = library.sample_rate_hz
    stream = library.open_stream()
    for samples in read_samples(source, sample_rate_hz=rate, name=name, raw=raw):
        if level:
            level.add(samples)
        for time, word, score in stream.words(samples):
            yield Detection(word=library.labels[word], score=score / SCORE_ONE, time_s=time / rate)
    if level:
        level.end()
