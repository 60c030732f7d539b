"""Places for activations in one piece of memory, shared by activations not needed together.

Two tensors form one block, and lie in the same place, if one is the other in another shape or is
written over the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from export.memory_plan import Block, place, placed_bytes


@dataclass(frozen=True, kw_only=True)
class Use:
    """What one layer does to memory.

    Args:
      reads: tensors that it reads.
      writes: the tensor that it writes.
      over: tensors of `reads` that the output may overwrite, best first.
      renames: the output is the input in another shape; no code runs.
      work_bytes: working memory that it needs while it runs.
    """

    reads: tuple[int, ...]
    writes: int
    over: tuple[int, ...] = ()
    renames: bool = False
    work_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class ScratchPlan:
    """The place of each tensor.

    Args:
      bytes: size of the scratch memory.
      offsets: of tensors in scratch memory; tensors in the caller's input or output have none.
      in_input: tensors that are the caller's input, in any shape.
      in_output: tensors that lie in the caller's output.
      work: offset of each layer's working memory; 0 for layers that need none.
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
      uses: layers in running order.
      sizes: bytes of each tensor.
      model_input: tensor in the caller's memory that is read, never written.
      model_output: tensor that is written to the caller's memory.
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
    """The block of each tensor, named by the block's first tensor."""
    block_of = {model_input: model_input}
    block_bytes = dict(sizes)
    last = _names_of(uses, model_output)
    for number, use in enumerate(uses):
        if use.renames:
            block_of[use.writes] = block_of[use.reads[0]]
            continue
        block_of[use.writes] = use.writes
        # The caller's output buffer is too small for a block that once held a larger tensor.
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
    """A tensor, and the tensors that it is another shape of."""
    names = {tensor}
    for use in reversed(uses):
        if use.renames and use.writes in names:
            names.add(use.reads[0])
    return names


def _needed(
    uses: Sequence[Use], number: int, block_of: Mapping[int, int], block: int, last: set[int]
) -> bool:
    """True if a later layer needs the block, or if layer `number` reads it twice."""
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
