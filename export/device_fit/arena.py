"""The memory that a model needs on TFLite Micro (TFLM), estimated from its graph. Runs nothing.

TFLM keeps everything in one block, the arena. Tensors that live for a part of an inference share
memory; permanent structures lie behind them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from export.memory_plan import Block, aligned, place, placed_bytes
from export.tflite.graph import Graph, Operator

# Bytes on a 32-bit device. A tensor: TfLiteEvalTensor. An operator: its NodeAndRegistration (32)
# and the data of its kernel (64, the size of a convolution's). A channel: multiplier and shift.
# The rest is the allocator's. The sum is exact for the MLPerf Tiny keyword model on a Cortex-M4:
# 22,772 bytes.
_TENSOR_BYTES = 12
_OPERATOR_BYTES = 96
_CHANNEL_BYTES = 8
_FIXED_BYTES = 488
_PER_CHANNEL = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")


@dataclass(frozen=True, kw_only=True)
class Life(Block):
    """A tensor's bytes, and the first and last operator that need it.

    An operator's own working memory counts as a tensor, numbered after the graph's own.
    """

    tensor: int


@dataclass(frozen=True, kw_only=True)
class Arena:
    """The estimated arena.

    Args:
      tensor_bytes: planned bytes for tensors that share memory.
      fixed_bytes: estimated bytes for structures, quantization and permanent tensors.
      peak_operator: the operator during which most memory is needed.
      peak_tensors: tensors needed during it, largest first.
    """

    tensor_bytes: int
    fixed_bytes: int
    peak_operator: int
    peak_tensors: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return self.tensor_bytes + self.fixed_bytes


def plan_arena(graph: Graph) -> Arena:
    """Plan as TFLM's GreedyMemoryPlanner does, with its reference kernels.

    Faster kernels (CMSIS-NN) need a little more scratch memory.

    Source: tflite-micro, tensorflow/lite/micro/memory_planner/greedy_memory_planner.cc.
    """
    lives = tensor_lives(graph)
    peak, needed = _peak(lives, len(graph.operators))
    return Arena(
        tensor_bytes=greedy_bytes(lives),
        fixed_bytes=_fixed_bytes(graph),
        peak_operator=peak,
        peak_tensors=tuple(life.tensor for life in needed if life.tensor < len(graph.tensors)),
    )


def tensor_lives(graph: Graph) -> list[Life]:
    """Each tensor's life, from the operator that writes it to the last that reads it; no constants.

    The 32-bit sums of each MEAN come last (lite/micro/kernels/reduce_common.cc).
    """
    last_operator = max(0, len(graph.operators) - 1)
    first: dict[int, int] = dict.fromkeys(graph.inputs, 0)
    last: dict[int, int] = dict.fromkeys(graph.inputs, 0)
    for number, operator in enumerate(graph.operators):
        for index in operator.outputs:
            first.setdefault(index, number)
            last[index] = number
        for index in operator.inputs:
            if index in first:
                last[index] = number
    last |= {index: last_operator for index in graph.outputs if index in first}
    return [
        Life(tensor=index, bytes=aligned(graph.tensors[index].bytes), first=made, last=last[index])
        for index, made in first.items()
        if not graph.tensors[index].constant and not graph.tensors[index].variable
    ] + [
        Life(tensor=len(graph.tensors) + number, bytes=aligned(sums), first=number, last=number)
        for number, operator in enumerate(graph.operators)
        if (sums := _bytes_of_sums(graph, operator))
    ]


def _bytes_of_sums(graph: Graph, operator: Operator) -> int:
    output = graph.tensors[operator.outputs[0]] if operator.name == "MEAN" else None
    return 4 * math.prod(output.shape) if output and output.dtype in ("int8", "int16") else 0


def greedy_bytes(lives: Sequence[Life]) -> int:
    """Bytes needed if each tensor takes the lowest free place, largest first.

    >>> a = Life(tensor=0, bytes=32, first=0, last=1)
    >>> b = Life(tensor=1, bytes=16, first=1, last=2)
    >>> c = Life(tensor=2, bytes=32, first=2, last=2)
    >>> greedy_bytes([a, b, c])
    48
    """
    ordered = sorted(lives, key=lambda life: -life.tensor)  # of equal sizes TFLM takes the last
    return placed_bytes(ordered, place(ordered))


def _peak(lives: Sequence[Life], operators: int) -> tuple[int, list[Life]]:
    """The operator that needs most bytes, and the tensors needed during it."""

    def needed(number: int) -> list[Life]:
        alive = [life for life in lives if life.first <= number <= life.last]
        return sorted(alive, key=lambda life: -life.bytes)

    numbers = range(max(1, operators))
    peak = max(numbers, key=lambda number: sum(life.bytes for life in needed(number)))
    return peak, needed(peak)


def _fixed_bytes(graph: Graph) -> int:
    channels = sum(
        max(1, graph.tensors[op.inputs[1]].channels)
        for op in graph.operators
        if op.name in _PER_CHANNEL and len(op.inputs) > 1 and op.inputs[1] >= 0
    )
    kept = sum(aligned(tensor.bytes) for tensor in graph.tensors if tensor.variable)
    return (
        _FIXED_BYTES
        + kept
        + _TENSOR_BYTES * len(graph.tensors)
        + _OPERATOR_BYTES * len(graph.operators)
        + _CHANNEL_BYTES * channels
    )
