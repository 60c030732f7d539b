"""Places for activations in one block of memory, shared by those that never meet.

A tensor that is only another shape of one, or whose layer may write over its input, lies in the
same place: they form one block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from export.memory_plan import Block, place, placed_bytes


@dataclass(frozen=True, kw_only=True)
class Use:
    """What one layer does to blocks of memory.

    Args:
      reads: tensors.
      writes: the tensor that it makes.
      over: tensors of `reads` whose place the output may take, best first.
      renames: the output is the input in another shape; nothing is run.
      work_bytes: memory that it needs while it runs.
    """

    reads: tuple[int, ...]
    writes: int
    over: tuple[int, ...] = ()
    renames: bool = False
    work_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class ScratchPlan:
    """Where everything lies.

    Args:
      bytes: of scratch memory.
      offsets: of tensors in it; tensors that lie in the caller's input or output have none.
      in_input: tensors that are the caller's input, in whatever shape.
      in_output: tensors that lie in the caller's output.
      work: offset of each layer's own memory; 0 for layers that need none.
    """

    bytes: int
    offsets: Mapping[int, int]
    in_input: frozenset[int]
    in_output: frozenset[int]
    work: tuple[int, ...]


def plan(
    uses: Sequence[Use], *, sizes: Mapping[int, int], model_input: int, model_output: int
) -> ScratchPlan:
    """Place every tensor that a layer writes.

    Args:
      uses: layers in the order of running.
      sizes: bytes of each tensor.
      model_input: read from the caller's memory, never written.
      model_output: written into the caller's memory.
    """
    block_of = _merge(uses, sizes=sizes, model_input=model_input, model_output=model_output)
    lives = _lives(uses, block_of, sizes)
    own = {block_of[model_input], block_of[model_output]}
    keys: list[tuple[str, int]] = [("block", block) for block in lives if block not in own]
    keys += [("work", number) for number in range(len(uses))]
    blocks = [
        lives[index]
        if kind == "block"
        else Block(bytes=uses[index].work_bytes, first=index, last=index)
        for kind, index in keys
    ]
    offsets = place(blocks)
    placed = dict(zip(keys, offsets, strict=True))
    return ScratchPlan(
        bytes=placed_bytes(blocks, offsets),
        offsets={
            tensor: placed["block", block]
            for tensor, block in block_of.items()
            if ("block", block) in placed
        },
        in_input=_members(block_of, model_input),
        in_output=_members(block_of, model_output),
        work=tuple(placed["work", number] for number in range(len(uses))),
    )


def _merge(
    uses: Sequence[Use], *, sizes: Mapping[int, int], model_input: int, model_output: int
) -> dict[int, int]:
    """For each tensor the block that it lies in, named by the block's first tensor."""
    block_of = {model_input: model_input}
    block_bytes = dict(sizes)
    last = _names_of(uses, model_output)
    for number, use in enumerate(uses):
        if use.renames:
            block_of[use.writes] = block_of[use.reads[0]]
            continue
        block_of[use.writes] = use.writes
        # The caller's output has no room for a larger tensor that lay there before.
        most = sizes[use.writes] if use.writes in last else max(sizes.values())
        for tensor in use.over:
            block = block_of[tensor]
            fits = sizes[use.writes] <= sizes[tensor] and block_bytes[block] <= most
            free = block != model_input and fits
            if free and not _needed(uses, number, block_of, block, last):
                block_of[use.writes] = block
                break
    return block_of


def _names_of(uses: Sequence[Use], tensor: int) -> set[int]:
    """A tensor, and those that it is another shape of."""
    names = {tensor}
    for use in reversed(uses):
        if use.renames and use.writes in names:
            names.add(use.reads[0])
    return names


def _needed(
    uses: Sequence[Use], number: int, block_of: Mapping[int, int], block: int, last: set[int]
) -> bool:
    """True when something in the block is needed after layer `number`, or twice by it."""
    members = {tensor for tensor, owner in block_of.items() if owner == block}
    for use in uses[number + 1 :]:
        if members & set(use.reads):
            return True
    return bool(members & last) or sum(tensor in members for tensor in uses[number].reads) > 1


def _lives(
    uses: Sequence[Use], block_of: Mapping[int, int], sizes: Mapping[int, int]
) -> dict[int, Block]:
    lives: dict[int, Block] = {}
    for number, use in enumerate(uses):
        for tensor in (*use.reads, use.writes):
            block = block_of[tensor]
            before = lives.get(block)
            lives[block] = Block(
                bytes=max(sizes[tensor], before.bytes if before else 0),
                first=before.first if before else number,
                last=number,
            )
    return lives


def _members(block_of: Mapping[int, int], tensor: int) -> frozenset[int]:
    block = block_of[tensor]
    return frozenset(each for each, owner in block_of.items() if owner == block)
