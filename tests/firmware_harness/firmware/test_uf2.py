"""UF2 files, read back by the format's own rules."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from firmware_harness.firmware.uf2 import BLOCK_BYTES, to_uf2


def blocks(content):
    """Fields and payload of each block."""
    for start in range(0, len(content), BLOCK_BYTES):
        block = content[start : start + BLOCK_BYTES]
        yield struct.unpack("<8I", block[:32]), block[32:288], block[508:]


@given(image=st.binary(min_size=1, max_size=2000), address=st.integers(0, 2**20))
def test_the_blocks_give_the_image_back_at_its_place(image, address):
    found = bytearray()
    total = -(-len(image) // 256)
    for number, (header, payload, end) in enumerate(
        blocks(to_uf2(image, address=address * 256, family=7))
    ):
        assert header == (
            0x0A324655, 0x9E5D5157, 0x2000, address * 256 + len(found), 256, number, total, 7,
        )  # fmt: skip
        assert end == b"\x30\x6f\xb1\x0a"
        found += payload
    assert bytes(found) == image + bytes(total * 256 - len(image))


def test_a_block_has_512_bytes_of_which_256_are_payload():
    content = to_uf2(b"ab", address=0x10000000, family=0xE48BFF59)
    assert len(content) == 512
    assert content[:8].startswith(b"UF2\n")
    assert content[28:36] == b"\x59\xff\x8b\xe4ab\0\0"
