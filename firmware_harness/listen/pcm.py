"""Reads samples from a WAV file or a pipe as they arrive. Sizes in the data are not trusted."""

import struct
from collections.abc import Iterator
from io import BufferedIOBase

import numpy as np
from numpy.typing import NDArray

from firmware_harness.errors import HarnessError

_READ_BYTES = 1 << 16
_PCM, _EXTENSIBLE = 1, 0xFFFE
_FMT_BYTES = 16
_CONVERT = "convert it: sox IN -c 1 -b 16 -r {rate} OUT.wav"


def read_samples(
    source: BufferedIOBase, *, sample_rate_hz: int, name: str, raw: bool
) -> Iterator[NDArray[np.int16]]:
    """Samples in pieces as they arrive, until the source ends.

    A WAV file's samples end at the stated size or at the end of the file. A pipe does not know its
    length at the start and states 0 or too much, so a file that is too short is no error.

    Args:
      source: 16-bit PCM, little-endian, mono; or a WAV file of that.
      sample_rate_hz: required rate of a WAV file.
      name: of the source, for messages.
      raw: whether samples without a header are accepted.

    Yields:
      int16 [samples].

    Raises:
      HarnessError: not a WAV file, or one of another rate, width or number of channels.
    """
    start = source.read(12)
    if start[:4] == b"RIFF" and start[8:12] == b"WAVE":
        left = _find_samples(source, sample_rate_hz=sample_rate_hz, name=name)
        yield from _pieces(source, b"", left)
    elif raw:
        yield from _pieces(source, start, None)
    else:
        raise HarnessError(
            f"{name} is not a WAV file: it starts with {start!r}. Give a WAV file, or bare 16-bit "
            "samples through -."
        )


def _find_samples(source: BufferedIOBase, *, sample_rate_hz: int, name: str) -> int | None:
    """Read up to the samples. Returns their number of bytes; None to read until the end."""
    is_known = False
    while len(head := source.read(8)) == 8:
        kind, size = struct.unpack("<4sI", head)
        if kind == b"data":
            if not is_known:
                raise HarnessError(f"{name} says no format before its samples. Write it again.")
            return size or None
        fmt = b""
        if kind == b"fmt ":
            fmt = source.read(min(size, 40))
            _check_format(fmt, sample_rate_hz=sample_rate_hz, name=name)
            is_known = True
        _skip(source, size + size % 2 - len(fmt))  # chunks start at even offsets
    raise HarnessError(f"{name} ends before its samples begin. Copy it again.")


def _check_format(fmt: bytes, *, sample_rate_hz: int, name: str) -> None:
    if len(fmt) < _FMT_BYTES:
        raise HarnessError(
            f"{name} has a format of {len(fmt)} bytes, fewer than 16. Write it again."
        )
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", fmt)
    if code == _EXTENSIBLE and len(fmt) >= 26:
        code = struct.unpack_from("<H", fmt, 24)[0]
    if (code, channels, bits, rate) != (_PCM, 1, 16, sample_rate_hz):
        what = "PCM" if code == _PCM else f"format {code}"
        raise HarnessError(
            f"{name} must be mono PCM of 16 bits at {sample_rate_hz} Hz, got {what} of {bits} "
            f"bits, {channels} channels, {rate} Hz; {_CONVERT.format(rate=sample_rate_hz)}"
        )


def _pieces(source: BufferedIOBase, start: bytes, left: int | None) -> Iterator[NDArray[np.int16]]:
    """`start` and at most `left` bytes more as int16; half a sample at the end is dropped."""
    rest = start
    while left is None or left > 0:
        got = source.read1(_READ_BYTES if left is None else min(left, _READ_BYTES))
        if not got:
            break
        left = None if left is None else left - len(got)
        whole = rest + got
        even = len(whole) // 2 * 2
        rest = whole[even:]
        yield np.frombuffer(whole[:even], "<i2").astype(np.int16)
    if len(rest) >= 2:  # the source held nothing beyond `start`
        yield np.frombuffer(rest[: len(rest) // 2 * 2], "<i2").astype(np.int16)


def _skip(source: BufferedIOBase, count: int) -> None:
    while count > 0 and (got := source.read1(min(count, _READ_BYTES))):
        count -= len(got)
