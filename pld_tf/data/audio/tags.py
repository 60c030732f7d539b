"""Remove the tags before and after the sound: ID3 and APE."""

from pld_tf.data.audio.limits import require

_MAX_TAGS = 8  # a hostile file could have millions
_ID3_BYTES = 10  # of a header, and of a footer
_ID3V1_BYTES = 128
_APE_BYTES = 32  # of a header, and of a footer
_HAS_FOOTER = 0x10
_HAS_HEADER = 0x80


def without_leading_tags(data: bytes) -> bytes:
    """`data` without the ID3 version 2 tags at its start.

    Raises:
      BadClip: a tag is longer than the file.
    """
    for _ in range(_MAX_TAGS):
        if data[:3] != b"ID3" or len(data) < _ID3_BYTES:
            break
        size = _ID3_BYTES + _id3_size(data[6:10])
        size += _ID3_BYTES if data[5] & _HAS_FOOTER else 0
        require(size <= len(data), f"truncated: an ID3 tag of {size} bytes in {len(data)}")
        data = data[size:]
    return data


def without_trailing_tags(data: bytes) -> bytes:
    """`data` without the ID3 and APE tags at its end; there may be several.

    Raises:
      BadClip: a tag is longer than the file.
    """
    for _ in range(_MAX_TAGS):
        size = _trailing_tag(data[-_ID3V1_BYTES:])
        require(size <= len(data), f"a tag of {size} bytes ends a file of {len(data)}")
        data = data[: len(data) - size]
    return data


def _trailing_tag(last: bytes) -> int:
    """Size of the tag that ends with the bytes `last`, or 0."""
    if last[:3] == b"TAG" and len(last) == _ID3V1_BYTES:
        return _ID3V1_BYTES
    footer = last[-_APE_BYTES:]
    if footer[:8] == b"APETAGEX" and len(footer) == _APE_BYTES:
        size = int.from_bytes(footer[12:16], "little")  # counts the footer, not the header
        return max(_APE_BYTES, size) + (_APE_BYTES if footer[23] & _HAS_HEADER else 0)
    footer = last[-_ID3_BYTES:]
    if footer[:3] == b"3DI" and len(footer) == _ID3_BYTES:
        return 2 * _ID3_BYTES + _id3_size(footer[6:10])
    return 0


def _id3_size(coded: bytes) -> int:
    """Each byte holds seven bits of the size."""
    size = 0
    for byte in coded:
        size = size << 7 | byte & 0x7F
    return size
