"""Other ends for a .tflite: without conversions of type at its border, or each layer by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from export.errors import ExportError
from export.tflite.flatbuffer import Damaged, FlatBuffer, Table
from export.tflite.graph import Graph, Operator
from export.tflite.refit import NewTable, Number, Numbers, Old, Part, Tables, with_front

# Fields of the schema's tables.
_MODEL = {"version": 0, "codes": 1, "graphs": 2, "buffers": 4}
_GRAPH = {"tensors": 0, "inputs": 1, "outputs": 2, "operators": 3}
_TENSOR = {"shape": 0, "type": 1, "name": 3, "quantization": 4}
_OPERATOR = {"code": 0, "inputs": 1, "outputs": 2, "options_type": 3, "options": 4}


@dataclass(frozen=True, kw_only=True)
class Rewired:
    """What a graph becomes; tensors beyond those of the file are copies of others, without data.

    Args:
      inputs, outputs: tensors.
      operators: those that stay, by position.
      reads: other inputs for some of them.
      copies: which tensor each new one is a copy of.
    """

    inputs: Sequence[int]
    outputs: Sequence[int]
    operators: Sequence[int]
    reads: Mapping[int, Sequence[int]] = field(default_factory=dict[int, Sequence[int]])
    copies: Sequence[int] = ()


def border_conversions(graph: Graph) -> tuple[int | None, int | None]:
    """Operators that only bring another type to int8 at the input, and back at the output.

    Only in a graph with one input and one output; None where there is no such operator.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return None, None
    (source,), (result,) = graph.inputs, graph.outputs
    readers = [n for n, op in enumerate(graph.operators) if source in op.inputs]
    makers = [n for n, op in enumerate(graph.operators) if result in op.outputs]
    read_again = any(result in op.inputs for op in graph.operators)
    first = readers[0] if len(readers) == 1 and source != result else None
    last = makers[0] if len(makers) == 1 and not read_again else None
    return (
        first if first is not None and _converts(graph, first, inward=True) else None,
        last if last is not None and _converts(graph, last, inward=False) else None,
    )


def without_border_conversions(content: bytes, graph: Graph) -> bytes:
    """The model from int8 to int8; the same bytes if there is nothing to take off."""
    first, last = border_conversions(graph)
    if first is None and last is None:
        return content
    kept = [number for number in range(len(graph.operators)) if number not in (first, last)]
    return rewired(
        content,
        Rewired(
            inputs=graph.inputs if first is None else graph.operators[first].outputs,
            outputs=graph.outputs if last is None else graph.operators[last].inputs,
            operators=kept,
        ),
    )


def layers_apart(content: bytes, layers: Sequence[tuple[int, Sequence[int], Operator]]) -> bytes:
    """A model in which each layer has inputs and an output of its own, in order.

    Args:
      content: a model that has been read and found well.
      layers: position of the operator, which tensors are fed (each becomes an input of the model),
        and the operator.
    """
    graph = next(FlatBuffer(content).root().tables(_MODEL["graphs"]))
    count = graph.length(_GRAPH["tensors"], 4)
    copies: list[int] = []
    reads: dict[int, list[int]] = {}
    for number, fed, operator in layers:
        own = {tensor: count + len(copies) + place for place, tensor in enumerate(fed)}
        copies += fed
        reads[number] = [own.get(tensor, tensor) for tensor in operator.inputs]
    return rewired(
        content,
        Rewired(
            inputs=range(count, count + len(copies)),
            outputs=[operator.outputs[0] for _, _, operator in layers],
            operators=[number for number, _, _ in layers],
            reads=reads,
            copies=copies,
        ),
    )


def rewired(content: bytes, how: Rewired) -> bytes:
    """The .tflite with another graph; its weights are those of `content`.

    Raises:
      ExportError: a part that was not read before lies outside the file.
    """
    try:
        return _rewired(content, how)
    except Damaged as error:
        raise ExportError(f"the .tflite is damaged: {error}. Convert it again.") from error


def _rewired(content: bytes, how: Rewired) -> bytes:
    root = FlatBuffer(content).root()
    graph, *others = root.tables(_MODEL["graphs"])
    tensors = list(graph.tables(_GRAPH["tensors"]))
    operators = list(graph.tables(_GRAPH["operators"]))
    made = NewTable(
        {
            _GRAPH["tensors"]: Tables(
                [Old(each.at) for each in tensors] + [_copy(tensors[each]) for each in how.copies]
            ),
            _GRAPH["inputs"]: Numbers("<i", how.inputs),
            _GRAPH["outputs"]: Numbers("<i", how.outputs),
            _GRAPH["operators"]: Tables(
                [_operator(operators[number], how.reads.get(number)) for number in how.operators]
            ),
        }
    )
    return with_front(
        content,
        NewTable(
            {
                _MODEL["version"]: Number("<I", root.integer(_MODEL["version"], "<I")),
                _MODEL["codes"]: _part(root, _MODEL["codes"]),
                _MODEL["graphs"]: Tables([made, *(Old(each.at) for each in others)]),
                _MODEL["buffers"]: _part(root, _MODEL["buffers"]),
            }
        ),
    )


def _converts(graph: Graph, number: int, *, inward: bool) -> bool:
    operator = graph.operators[number]
    if operator.name not in ("QUANTIZE", "DEQUANTIZE"):
        return False
    if len(operator.inputs) != 1 or len(operator.outputs) != 1 or operator.inputs[0] < 0:
        return False
    types = [graph.tensors[index].dtype for index in (*operator.inputs, *operator.outputs)]
    return (types if inward else types[::-1])[1] == "int8" != (types if inward else types[::-1])[0]


def _operator(table: Table, reads: Sequence[int] | None) -> NewTable:
    inputs = table.integers(_OPERATOR["inputs"]) if reads is None else reads
    return NewTable(
        {
            _OPERATOR["code"]: Number("<I", table.integer(_OPERATOR["code"], "<I")),
            _OPERATOR["inputs"]: Numbers("<i", inputs),
            _OPERATOR["outputs"]: Numbers("<i", table.integers(_OPERATOR["outputs"])),
            _OPERATOR["options_type"]: Number("<B", table.integer(_OPERATOR["options_type"], "<B")),
            _OPERATOR["options"]: _part(table, _OPERATOR["options"]),
        }
    )


def _copy(tensor: Table) -> NewTable:
    """The tensor without its data: buffer 0 is empty."""
    kept: dict[int, Number | Part | None] = {
        _TENSOR[name]: _part(tensor, _TENSOR[name]) for name in ("shape", "name", "quantization")
    }
    return NewTable({**kept, _TENSOR["type"]: Number("<b", tensor.integer(_TENSOR["type"], "<b"))})


def _part(table: Table, number: int) -> Old | None:
    at = table.part_at(number)
    return None if at is None else Old(at)
