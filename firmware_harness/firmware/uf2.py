"""Writes UF2, a firmware format that boot ROMs take as a file on a USB drive."""

import struct

_MAGIC = (0x0A324655, 0x9E5D5157)
_END_MAGIC = 0x0AB16F30
_FAMILY_ID = 0x2000  # flag: the file size field holds the family
PAYLOAD_BYTES = 256
BLOCK_BYTES = 512


def to_uf2(image: bytes, *, address: int, family: int) -> bytes:
    """Cut an image into blocks of 512 bytes, each with its address.

    Args:
      image: content of the flash; its last block is filled with zeros.
      address: of its first byte, a multiple of 256.
      family: id of the chips that may take it.

    Source: the UF2 specification, github.com/microsoft/uf2.

    >>> blocks = to_uf2(bytes(300), address=0x10000000, family=0xE48BFF59)
    >>> len(blocks), blocks[:4]
    (1024, b'UF2\\n')
    """
    count = -(-len(image) // PAYLOAD_BYTES)
    return b"".join(
        _block(
            image[number * PAYLOAD_BYTES : (number + 1) * PAYLOAD_BYTES],
            address=address + number * PAYLOAD_BYTES,
            number=number,
            count=count,
            family=family,
        )
        for number in range(count)
    )


def _block(payload: bytes, *, address: int, number: int, count: int, family: int) -> bytes:
    header = struct.pack("<8I", *_MAGIC, _FAMILY_ID, address, PAYLOAD_BYTES, number, count, family)
    end = struct.pack("<I", _END_MAGIC)
    return header + payload.ljust(BLOCK_BYTES - len(header) - len(end), b"\0") + end
