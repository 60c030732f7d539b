"""TFRecord files whose records all have one size, so that each has its place. No TensorFlow."""

from pathlib import Path

_LENGTH_BYTES = 8
_HEAD_BYTES = _LENGTH_BYTES + 4  # a checksum of the length follows it
_TAIL_BYTES = 4  # a checksum of the content


def framed_bytes(content_bytes: int) -> int:
    """What a record of so many bytes takes in the file."""
    return _HEAD_BYTES + content_bytes + _TAIL_BYTES


def read_record(path: Path, number: int, *, content_bytes: int) -> bytes:
    """Content of one record, 0 first. Checksums are not looked at.

    Raises:
      OSError: the file cannot be read.
      ValueError: no whole record of that size begins there.
    """
    with path.open("rb") as file:
        file.seek(number * framed_bytes(content_bytes))
        record = file.read(_HEAD_BYTES + content_bytes)
    length = int.from_bytes(record[:_LENGTH_BYTES], "little")
    content = record[_HEAD_BYTES:]
    if length != content_bytes or len(content) != content_bytes:
        raise ValueError(f"record {number} is not whole, or has another size")
    return content
