from export.memory_plan import Block, place, placed_bytes


def test_the_largest_block_is_placed_first_and_gaps_are_filled():
    """16 bytes fit between two that lie 16 apart; 32 do not."""
    blocks = [
        Block(bytes=64, first=0, last=9),
        Block(bytes=48, first=0, last=1),
        Block(bytes=40, first=1, last=9),
        Block(bytes=33, first=2, last=9),
    ]
    assert place(blocks) == [0, 64, 112, 64]
    assert placed_bytes(blocks, place(blocks)) == 160


def test_of_blocks_of_one_size_the_first_lies_lowest():
    blocks = [Block(bytes=16, first=0, last=1) for _ in range(3)]
    assert place(blocks) == [0, 16, 32]
