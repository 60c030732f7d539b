"""The layers of a step as a model of its own: the same operators on fewer rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from export.c_code.model.ir import Model, Node, Value
from export.c_code.model.streaming.plan import Kept, StepPlan
from export.c_code.model.streaming.reads import Reads

_VALID = 1  # schema.fbs, Padding
# Fields of the options: stride over rows, dilation over rows. Field 0 is the kind of padding.
_WINDOW_FIELDS = {
    "CONV_2D": (2, 5),
    "DEPTHWISE_CONV_2D": (2, 6),
    "AVERAGE_POOL_2D": (2, None),
    "MAX_POOL_2D": (2, None),
}


@dataclass(frozen=True, kw_only=True)
class View:
    """Rows of a kept tensor that a layer reads, or all of a whole window's rows.

    Args:
      tensor: the kept tensor.
      first: its first row.
      rows: how many.
      apart: rows from one to the next.
    """

    tensor: int
    first: int
    rows: int
    apart: int = 1


@dataclass(frozen=True, kw_only=True)
class StepModel:
    """A model of the layers that are computed row by row.

    Args:
      model: its tensors; those of the whole model come first and have the same numbers.
      nodes: the layers that are computed row by row, by number.
      views: what those layers read, by tensor of `model`.
      made: the kept tensors that they add rows to, by number of the layer.
    """

    model: Model
    nodes: Mapping[int, Node]
    views: Mapping[int, View]
    made: Mapping[int, int]


def step_model(model: Model, plan: StepPlan) -> StepModel:
    """Cut the tensors of a model down to the rows that a step reads and makes."""
    values = list(model.values)
    nodes: dict[int, Node] = {}
    views: dict[int, View] = {}
    made: dict[int, int] = {}
    for node in model.nodes:
        reads, kept = plan.reads.get(node.number), plan.kept.get(node.output)
        if reads is None or reads.renames or kept is None:
            continue
        needs = iter(plan.needs(model, node))
        inputs: list[int] = []
        for index in node.inputs:
            if index not in plan.rows:
                inputs.append(index)
                continue
            need = next(needs)
            source = plan.kept[need.tensor]
            first, last = source.row_of(need.first), source.row_of(need.last)
            view = View(tensor=need.tensor, first=first, rows=last - first + 1)
            views[len(values)] = view
            inputs.append(len(values))
            values.append(_with_rows(model.values[index], view.rows))
        made[node.number] = node.output
        nodes[node.number] = replace(
            node,
            inputs=tuple(inputs),
            output=len(values),
            changed=_changed(node, reads, plan, kept),
            prefix="step_",
        )
        values.append(_with_rows(model.values[node.output], kept.new))
    return StepModel(
        model=replace(model, values=tuple(values)), nodes=nodes, views=views, made=made
    )


def _with_rows(value: Value, rows: int) -> Value:
    return replace(value, shape=(1, rows, *value.shape[2:]))


def _changed(node: Node, reads: Reads, plan: StepPlan, kept: Kept) -> dict[int, int]:
    """Options of a window over rows of a finer grid."""
    if node.operator not in _WINDOW_FIELDS:
        return {}
    stride, dilation = _WINDOW_FIELDS[node.operator]
    source = plan.rows[node.inputs[0]]
    grid = plan.kept[source.root].grid
    changed = {stride: kept.grid // grid}
    if reads.taps > 1:
        changed[0] = _VALID
    if dilation is not None:
        changed[dilation] = reads.dilation * source.stride // grid if reads.taps > 1 else 1
    return changed
