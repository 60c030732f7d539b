"""TFRecord files with records of equal size, so positions are known. No TensorFlow."""

from pathlib import Path

import numpy as np

_LENGTH_BYTES = 8
_HEAD_BYTES = _LENGTH_BYTES + 4  # a checksum of the length follows it
_TAIL_BYTES = 4  # a checksum of the content


def framed_bytes(content_bytes: int) -> int:
    """Bytes in the file of a record with `content_bytes` bytes of content."""
    return _HEAD_BYTES + content_bytes + _TAIL_BYTES


def all_records(path: Path, *, content_bytes: int) -> np.ndarray:
    """Contents of all records, uint8 [records, content_bytes], read as they are used.

    Raises:
      OSError: the file cannot be read.
      ValueError: it does not hold whole records.
    """
    if not path.stat().st_size:  # no memory can be mapped to an empty file
        return np.zeros((0, content_bytes), np.uint8)
    mapped = np.asarray(np.memmap(path, np.uint8, mode="r"))
    framed = mapped.reshape(-1, framed_bytes(content_bytes))
    return framed[:, _HEAD_BYTES : _HEAD_BYTES + content_bytes]


def read_record(path: Path, number: int, *, content_bytes: int) -> bytes:
    """Content of record `number`, counted from 0. Checksums are not verified.

    Raises:
      OSError: the file cannot be read.
      ValueError: there is no whole record of that size.
    """
    with path.open("rb") as file:
        file.seek(number * framed_bytes(content_bytes))
        record = file.read(_HEAD_BYTES + content_bytes)
    length = int.from_bytes(record[:_LENGTH_BYTES], "little")
    content = record[_HEAD_BYTES:]
    if length != content_bytes or len(content) != content_bytes:
        raise ValueError(f"record {number} is not whole, or has another size")
    return content
