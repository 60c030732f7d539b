"""What a step computes, and what it keeps for the next one.

Row i of a tensor belongs to frame i * stride of the window. A step moves the window on by some
frames. Rows that the last step has left are kept; each layer computes the new ones only.

If a step is no multiple of a tensor's stride, its windows begin between rows of the last window. So
rows are computed on a finer grid: every `grid` frames, the greatest common divisor of both. Then a
layer's stride gets shorter and its dilation longer, and the sums are the same.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from export.c_code.model.ir import Model, Node
from export.c_code.model.layer import Layer
from export.c_code.model.streaming.reads import Reads, row_reads

_ROWS = 1  # axis of the rows
_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")


class NoStep(ValueError):
    """A step would save nothing; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A tensor whose rows run over time.

    Args:
      root: the tensor that has its bytes; another one if it is part of that, or another shape.
      offset: row of the root that is its first.
      stride: frames from row to row.
      count: rows in a window.
      row_bytes: bytes of a row.
    """

    root: int
    offset: int
    stride: int
    count: int
    row_bytes: int


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one layer reads of a tensor in a step: from one frame of the window to another."""

    reader: int
    tensor: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The rows of a tensor that a step has at hand, `grid` frames apart; the newest come last.

    Args:
      grid: frames from row to row.
      first: frame of the window that its first row belongs to; it may lie before the window.
      rows: rows in all.
      new: rows that a step adds; as many of the oldest are dropped.
      row_bytes: bytes of a row.
    """

    grid: int
    first: int
    rows: int
    new: int
    row_bytes: int

    @property
    def bytes(self) -> int:
        return self.rows * self.row_bytes

    @property
    def old(self) -> int:
        """Rows of earlier steps."""
        return self.rows - self.new

    @property
    def last(self) -> int:
        return self.first + (self.rows - 1) * self.grid

    def row_of(self, frame: int) -> int:
        return (frame - self.first) // self.grid


@dataclass(frozen=True, kw_only=True)
class StepPlan:
    """What is computed row by row.

    Args:
      hop: frames that a step adds.
      rows: tensors whose rows run over time.
      reads: of the layers that are computed row by row, by their number.
      kept: of tensors that are computed row by row, and of the model's input.
      whole: numbers of layers that read the whole window or what was made of it.
    """

    hop: int
    rows: Mapping[int, Rows]
    reads: Mapping[int, Reads]
    kept: Mapping[int, Kept]
    whole: tuple[int, ...]

    def needs(self, model: Model, node: Node) -> list[Need]:
        """What a layer reads of tensors whose rows run over time, in the order of its inputs."""
        return _needs(node, self.rows, self.reads.get(node.number), self.kept.get(node.output))


def plan_step(model: Model, *, hop: int) -> StepPlan:
    """The plan of a step of `hop` frames.

    Raises:
      NoStep: no layer can be computed row by row.
    """
    rows, reads, whole = _sort(model, hop)
    if model.output in rows:
        raise NoStep("the output has a row for each frame")
    if all(each.renames for each in reads.values()):
        first = next(node for node in model.nodes if node.number in whole)
        raise NoStep(
            f"{first.operator} (layer {first.number}) pads over time or reads the whole window, so "
            "no layer before it can be computed frame by frame"
        )
    kept = _keep(model, rows, reads, hop)
    return StepPlan(hop=hop, rows=rows, reads=reads, kept=kept, whole=whole)


def _sort(model: Model, hop: int) -> tuple[dict[int, Rows], dict[int, Reads], tuple[int, ...]]:
    """Tensors with rows over time, how the layers make them, and the other layers."""
    shape = model.values[model.input].shape
    rows: dict[int, Rows] = {}
    if len(shape) > _ROWS + 1 and shape[0] == 1:
        rows[model.input] = Rows(
            root=model.input, offset=0, stride=1, count=shape[1], row_bytes=math.prod(shape[2:])
        )
    reads: dict[int, Reads] = {}
    whole: list[int] = []
    for node in model.nodes:
        inputs = _computed(model, node)
        timed = bool(inputs) and all(index in rows for index in inputs)
        found = row_reads(Layer(model, node)) if timed else None
        sources = [rows[index] for index in inputs] if found else []
        alike = len({(each.stride, each.count) for each in sources}) == 1
        if found is None or not alike or not _fits(node, found, sources[0], hop):
            whole.append(node.number)
            continue
        reads[node.number] = found
        rows[node.output] = _made(model, node, found, sources[0])
    return rows, reads, tuple(whole)


def _fits(node: Node, reads: Reads, source: Rows, hop: int) -> bool:
    """False for a pooling whose rows lie apart on the grid: it has no dilation."""
    together = source.stride == math.gcd(hop, source.stride)
    return together or reads.taps == 1 or node.operator not in _POOLS


def _computed(model: Model, node: Node) -> list[int]:
    return [index for index in node.inputs if index >= 0 and model.values[index].data is None]


def _made(model: Model, node: Node, reads: Reads, source: Rows) -> Rows:
    shape = model.values[node.output].shape
    if reads.renames:
        return replace(source, offset=source.offset + reads.offset, count=shape[_ROWS])
    return Rows(
        root=node.output,
        offset=0,
        stride=source.stride * reads.stride,
        count=shape[_ROWS],
        row_bytes=math.prod(shape[2:]),
    )


def _keep(
    model: Model, rows: Mapping[int, Rows], reads: Mapping[int, Reads], hop: int
) -> dict[int, Kept]:
    """From the last layer to the first: what each one needs says what is kept of its inputs."""
    frames = model.values[model.input].shape[_ROWS] if model.input in rows else 0
    spans: dict[int, list[int]] = {model.input: [frames - 1]} if model.input in rows else {}
    kept: dict[int, Kept] = {}
    for node in reversed(model.nodes):
        found = reads.get(node.number)
        if found is not None and (found.renames or node.output not in spans):
            continue  # no code runs, or nothing reads it
        if found is not None:
            kept[node.output] = _kept(rows[node.output], spans[node.output], hop)
        for need in _needs(node, rows, found, kept.get(node.output)):
            spans.setdefault(need.tensor, []).extend((need.first, need.last))
    if model.input in rows:
        kept[model.input] = _kept(rows[model.input], spans[model.input], hop)
    return kept


def _kept(rows: Rows, frames: Sequence[int], hop: int) -> Kept:
    grid = math.gcd(hop, rows.stride)
    new = hop // grid
    count = max(new, (max(frames) - min(frames)) // grid + 1)
    return Kept(
        grid=grid,
        first=max(frames) - (count - 1) * grid,
        rows=count,
        new=new,
        row_bytes=rows.row_bytes,
    )


def _needs(
    node: Node, rows: Mapping[int, Rows], reads: Reads | None, made: Kept | None
) -> list[Need]:
    needs: list[Need] = []
    for source in (rows[index] for index in node.inputs if index in rows):
        start = source.offset * source.stride
        if reads is None or made is None:
            first, last = start, start + (source.count - 1) * source.stride
        else:
            behind = (reads.taps - 1) * reads.dilation * source.stride
            first = start + made.last - (made.new - 1) * made.grid
            last = start + made.last + behind
        needs.append(Need(reader=node.number, tensor=source.root, first=first, last=last))
    return needs
