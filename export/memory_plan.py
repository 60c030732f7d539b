"""Places in one piece of memory for blocks that are each needed for a part of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT = 16


@dataclass(frozen=True, kw_only=True)
class Block:
    """Memory in use from layer `first` to layer `last`."""

    bytes: int
    first: int
    last: int


def place(blocks: Sequence[Block]) -> list[int]:
    """An offset for each block: the lowest that is free all its life, largest blocks first.

    Blocks of equal size are placed in the given order.

    >>> place([Block(bytes=32, first=0, last=1), Block(bytes=16, first=1, last=2)])
    [0, 32]
    """
    offsets = [0] * len(blocks)
    done: list[int] = []
    for index in sorted(range(len(blocks)), key=lambda each: -blocks[each].bytes):
        block = blocks[index]
        offset = 0
        for other in sorted(done, key=lambda each: offsets[each]):
            if blocks[other].last < block.first or block.last < blocks[other].first:
                continue
            if offsets[other] - offset >= aligned(block.bytes):
                break
            offset = max(offset, offsets[other] + aligned(blocks[other].bytes))
        offsets[index] = offset
        done.append(index)
    return offsets


def placed_bytes(blocks: Sequence[Block], offsets: Sequence[int]) -> int:
    """Bytes needed to hold all blocks at their offsets."""
    pairs = zip(blocks, offsets, strict=True)
    return max((offset + aligned(block.bytes) for block, offset in pairs), default=0)


def aligned(size: int) -> int:
    """The next multiple of `ALIGNMENT`."""
    return -(-size // ALIGNMENT) * ALIGNMENT
