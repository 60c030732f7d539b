"""Pair the operators of a float .tflite with those of its integer twin. Runs nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from export.tflite.graph import Graph, Operator

# These only change how a value is stored; either twin may have them alone.
CONVERTING = ("QUANTIZE", "DEQUANTIZE", "FAKE_QUANT", "CAST")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """An operator and its twin.

    Args:
      name: short name: the last part of the converter's name of its output.
      number: position of the operator in the float graph.
      floating: the operator in the float graph.
      integer: the operator in the integer graph.
    """

    name: str
    number: int
    floating: Operator
    integer: Operator


def match(floating: Graph, integer: Graph) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """Layers in the order of the float graph, and outputs of its operators without a twin.

    Operators are twins if their outputs have the same name and shape. Among the others, operators
    are twins if they follow each other in both graphs with the same names and shapes.
    """
    ones, others = _computing(floating), _computing(integer)
    twins = _by_name(floating, ones, integer, others)
    left = [number for number in ones if number not in twins]
    taken = set(twins.values())
    twins |= _by_order(floating, left, integer, [each for each in others if each not in taken])
    layers = tuple(
        Layer(
            name=short_name(_output(floating, number)),
            number=number,
            floating=floating.operators[number],
            integer=integer.operators[twins[number]],
        )
        for number in ones
        if number in twins
    )
    return layers, tuple(_output(floating, number) for number in ones if number not in twins)


def short_name(tensor: str) -> str:
    """A short name for people.

    >>> short_name("Relu_1;FusedBatchNormV3_1;Conv2D_1"), short_name("logits:0")
    ('Conv2D_1', 'logits')
    """
    return tensor.rpartition(";")[2].partition(":")[0] or tensor


def _computing(graph: Graph) -> list[int]:
    return [
        number
        for number, operator in enumerate(graph.operators)
        if operator.name not in CONVERTING and operator.outputs
    ]


def _output(graph: Graph, number: int) -> str:
    return graph.tensors[graph.operators[number].outputs[0]].name


def _shape(graph: Graph, number: int) -> tuple[str, tuple[int, ...]]:
    operator = graph.operators[number]
    return operator.name, graph.tensors[operator.outputs[0]].shape


def _by_name(
    floating: Graph, ones: Sequence[int], integer: Graph, others: Sequence[int]
) -> dict[int, int]:
    def unique(graph: Graph, numbers: Sequence[int]) -> dict[tuple[object, ...], int]:
        keys = {number: (_output(graph, number), *_shape(graph, number)) for number in numbers}
        counts = Counter(keys.values())
        return {key: number for number, key in keys.items() if counts[key] == 1}

    found = unique(integer, others)
    named = unique(floating, ones)
    return {number: found[key] for key, number in named.items() if key in found}


def _by_order(
    floating: Graph, ones: Sequence[int], integer: Graph, others: Sequence[int]
) -> dict[int, int]:
    one = [_shape(floating, number) for number in ones]
    other = [_shape(integer, number) for number in others]
    blocks = SequenceMatcher(a=one, b=other, autojunk=False).get_matching_blocks()
    return {
        ones[block.a + step]: others[block.b + step]
        for block in blocks
        for step in range(block.size)
    }
