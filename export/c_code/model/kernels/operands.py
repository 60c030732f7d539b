"""Inputs of layers that take several; some may be constants."""

from dataclasses import dataclass

import numpy as np

from export.c_code.model.c_text import bytes_text
from export.c_code.model.layer import Layer

_MAX_INPUTS = 64


@dataclass(frozen=True, kw_only=True)
class Operands:
    """A layer's inputs and their names in C.

    Args:
      names: C names of all inputs in order.
      tables: C text of the constant inputs.
      computed: positions of the other inputs.
      arguments: value indices of the other inputs.
    """

    names: tuple[str, ...]
    tables: str
    computed: tuple[int, ...]
    arguments: tuple[int, ...]


def operands(layer: Layer) -> Operands:
    """All inputs of a layer, as its C function names them."""
    count = len(layer.node.inputs)
    layer.require(count <= _MAX_INPUTS, f"it has {count} inputs, {_MAX_INPUTS} are supported")
    values = [layer.input(position) for position in range(count)]
    computed = [position for position, value in enumerate(values) if value.data is None]
    layer.require(bool(computed), "all its inputs are constants")
    names, tables = list[str](), ""
    for position, value in enumerate(values):
        if value.data is not None:
            names.append(f"{layer.node.function}_input_{position}")
            tables += bytes_text(names[-1], np.asarray(value.data).ravel().tolist())
        elif len(computed) == 1:
            names.append("input")
        else:
            names.append(f"input_{computed.index(position)}")
    return Operands(
        names=tuple(names),
        tables=tables,
        computed=tuple(computed),
        arguments=tuple(layer.index(position) for position in computed),
    )
