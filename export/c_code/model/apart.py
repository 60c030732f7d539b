"""A model taken apart: each layer with inputs and an output of its own, for tests of its bytes.

Within a model a layer sees only what the layers before it give, and a wrong byte may be rounded
away behind it. Apart, every layer can be given any input.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from export.c_code.model.emit import header_text, read_and_emit, source_text
from export.c_code.model.ir import Model, Node, Value
from export.c_code.model.layer import LayerCode
from export.c_code.model.sums import Sums
from export.memory_plan import ALIGNMENT
from export.tflite.ends import layers_apart
from export.tflite.graph import Operator


@dataclass(frozen=True, kw_only=True)
class LayerApart:
    """One layer.

    Args:
      title: operator, position and name, for errors.
      inputs: shapes of its inputs, which follow each other.
      output_bytes: size of its output.
      sums: what it sums, if it rescales sums.
    """

    title: str
    inputs: tuple[tuple[int, ...], ...]
    output_bytes: int
    sums: Sums | None

    @property
    def input_bytes(self) -> int:
        return sum(map(math.prod, self.inputs))


@dataclass(frozen=True, kw_only=True)
class Apart:
    """A .tflite and C that compute the layers of a model apart from each other.

    Inputs of all layers follow each other, and so do their outputs.
    """

    tflite: bytes
    header: str
    source: str
    layers: tuple[LayerApart, ...]


def generate_apart(content: bytes) -> Apart:
    """The layers of a model for which `generate` writes C; their functions are the same.

    Raises:
      ExportError: as `generate`.
    """
    model, codes = read_and_emit(content)
    pairs = [(node, code) for node in model.nodes if (code := codes[node.number]) is not None]
    layers = tuple(_layer(model, node, code) for node, code in pairs)
    digest = hashlib.sha256(content).hexdigest()
    return Apart(
        tflite=layers_apart(
            content,
            [
                (
                    node.number,
                    code.arguments,
                    Operator(name=node.operator, inputs=node.inputs, outputs=(node.output,)),
                )
                for node, code in pairs
            ],
        ),
        header=header_text(
            _row(sum(layer.input_bytes for layer in layers)),
            _row(sum(layer.output_bytes for layer in layers)),
            digest=digest,
            scratch_bytes=max([ALIGNMENT, *(code.most_work_bytes for _, code in pairs)]),
            layers=len(pairs),
        ),
        source=source_text(pairs, _calls(pairs, layers), digest=digest),
        layers=layers,
    )


def _layer(model: Model, node: Node, code: LayerCode) -> LayerApart:
    output = model.values[node.output]
    return LayerApart(
        title=f"{node.operator} (layer {node.number}, {output.name!r})",
        inputs=tuple(model.values[index].shape for index in code.arguments),
        output_bytes=output.elements,
        sums=code.sums,
    )


def _row(size: int) -> Value:
    return Value(
        name="row",
        shape=(1, size),
        dtype="int8",
        scales=(1.0,),
        zero_points=(0,),
        axis=0,
        data=None,
    )


def _calls(pairs: Sequence[tuple[Node, LayerCode]], layers: Sequence[LayerApart]) -> list[str]:
    calls: list[str] = []
    read = written = 0
    for (node, code), layer in zip(pairs, layers, strict=True):
        arguments: list[str] = []
        for shape in layer.inputs:
            arguments.append(f"input + {read}")
            read += math.prod(shape)
        arguments.append(f"output + {written}")
        written += layer.output_bytes
        if code.most_work_bytes:
            arguments.append("(int32_t *)(void *)memory")
        calls.append(f"    {node.function}({', '.join(arguments)});\n")
    return calls
