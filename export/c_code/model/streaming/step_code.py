"""The C code of a step: where its tensors lie, and the calls in running order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from export.c_code.model.ir import Model, Node
from export.c_code.model.kernels.dsp.words import FOUR_BYTES
from export.c_code.model.layer import Kernel, LayerCode
from export.c_code.model.scratch import ScratchPlan, Use, plan
from export.c_code.model.streaming.plan import NoStep, StepPlan, plan_step
from export.c_code.model.streaming.step_model import StepModel, View, step_model
from export.memory_plan import ALIGNMENT
from export.tflite.macs import operator_macs

MOVE = Kernel(
    text="""\
/* Bytes to a lower place, which may overlap, or to another. */
static void move(int8_t *to, const int8_t *from, int32_t count)
{
    for (; count >= 16; count -= 16) {
        uint32_t a = load_4(from), b = load_4(from + 4);
        uint32_t c = load_4(from + 8), d = load_4(from + 12);
        store_4(to, a);
        store_4(to + 4, b);
        store_4(to + 8, c);
        store_4(to + 12, d);
        from += 16;
        to += 16;
    }
    for (int32_t i = 0; i < count; i++) to[i] = from[i];
}
""",
    needs=(FOUR_BYTES,),
)

PICK = Kernel(
    text="""\
/* Rows that lie `step` bytes apart. */
static void pick(int8_t *to, const int8_t *from, int32_t rows, int32_t row_bytes, int32_t step)
{
    for (int32_t row = 0; row < rows; row++) {
        move(to, from, row_bytes);
        to += row_bytes;
        from += step;
    }
}
""",
    needs=(MOVE,),
)


@dataclass(frozen=True, kw_only=True)
class StepLayer:
    """A layer as a step computes it.

    Args:
      node, code: the layer on the rows of a step, or on a whole window.
      rows: rows that it makes in a step; None if it computes a whole window.
      state_bytes: of its output's rows, if some are kept from step to step.
      macs: multiply-accumulates.
    """

    node: Node
    code: LayerCode
    rows: int | None
    state_bytes: int
    macs: int


@dataclass(frozen=True, kw_only=True)
class StepCode:
    """The C code of a step.

    Args:
      hop: frames that a step takes.
      window: frames of the whole window.
      state_bytes: memory that is kept from step to step.
      scratch_bytes: memory that one step needs.
      layers: in running order.
      kernels: that the calls need beside those of the layers.
      calls: statements.
    """

    hop: int
    window: int
    state_bytes: int
    scratch_bytes: int
    layers: tuple[StepLayer, ...]
    kernels: tuple[Kernel, ...]
    calls: tuple[str, ...]

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def own(self) -> list[tuple[Node, LayerCode]]:
        """Layers whose functions the whole window does not have."""
        return [(layer.node, layer.code) for layer in self.layers if layer.rows is not None]


EmitOne = Callable[[Model, Node], LayerCode]


def step_code(
    model: Model, codes: Mapping[int, LayerCode | None], emit: EmitOne, *, hop: int
) -> StepCode:
    """The code of a step of `hop` frames.

    Args:
      model: the whole model.
      codes: code of its layers, by number.
      emit: gives the code of a layer of another model.
      hop: frames that a step takes.

    Raises:
      NoStep: no layer can be computed row by row, or a step has as much to compute as a window.
    """
    planned = plan_step(model, hop=hop)
    step = _Writer(model, codes, emit, planned).write()
    whole = sum(_macs(model, node) for node in model.nodes)
    if step.macs >= whole:
        raise NoStep(f"a step takes {step.macs} multiply-accumulates, a whole window {whole}")
    return step


class _Writer:
    """Gathers calls and uses of memory, layer by layer."""

    def __init__(
        self,
        model: Model,
        codes: Mapping[int, LayerCode | None],
        emit: EmitOne,
        planned: StepPlan,
    ) -> None:
        self.model, self.codes, self.emit, self.planned = model, codes, emit, planned
        self.step: StepModel = step_model(model, planned)
        self.state, self.state_bytes = _lay_out(planned, model.input)
        self.sizes = {index: value.elements for index, value in enumerate(model.values)}
        self.sizes |= {
            tensor: kept.bytes for tensor, kept in planned.kept.items() if tensor not in self.state
        }
        self.uses: list[Use] = []
        self.places: dict[int, str] = {}  # of tensors that are parts of the state
        self.layers: list[StepLayer] = []
        self.calls: list[Callable[[ScratchPlan], str]] = []
        self.picks = False

    def write(self) -> StepCode:
        for node in self.model.nodes:
            if node.number in self.step.nodes:
                self._rows_layer(self.step.nodes[node.number])
            elif node.number in self.planned.whole:
                self._whole_layer(node)
        model_input = self.model.input if self.model.input not in self.state else self._new(0)
        model_output = self.model.output
        if model_output in self.places:  # then it is copied, and no layer writes it
            model_output = self._new(0)
            self.uses.append(Use(reads=(), writes=model_output))
        placed = plan(
            self.uses, sizes=self.sizes, model_input=model_input, model_output=model_output
        )
        calls = [*self._moves(), *(call(placed) for call in self.calls)]
        if (place := self.places.get(self.model.output)) is not None:
            calls.append(f"    move(output, {place}, {self.sizes[self.model.output]});\n")
        return StepCode(
            hop=self.planned.hop,
            window=self.model.values[self.model.input].shape[1],
            state_bytes=max(ALIGNMENT, self.state_bytes),
            scratch_bytes=max(ALIGNMENT, placed.bytes),
            layers=tuple(self.layers),
            kernels=(MOVE, PICK) if self.picks else (MOVE,),
            calls=tuple(calls),
        )

    def _new(self, size: int) -> int:
        """A number for something else than a tensor of the model."""
        number = -1 - sum(index < 0 for index in self.sizes)
        self.sizes[number] = size
        return number

    def _moves(self) -> list[str]:
        """What is kept moves down, to make room for new rows; the new frames come in."""
        moves: list[str] = []
        for tensor, at in self.state.items():
            kept = self.planned.kept[tensor]
            old, new = kept.old * kept.row_bytes, kept.new * kept.row_bytes
            moves.append(f"    move(kept + {at}, kept + {at + new}, {old});\n")
            if tensor == self.model.input:
                moves.append(f"    move(kept + {at + old}, frames, {new});\n")
        return moves

    def _rows_layer(self, node: Node) -> None:
        code = self.emit(self.step.model, node)
        made = self.step.made[node.number]
        kept = self.planned.kept[made]
        views = {index: self.step.views[index] for index in code.arguments}
        inside = made not in self.state
        number = len(self.uses)
        self.uses.append(
            Use(
                reads=tuple(view.tensor for view in views.values() if self._moves_about(view)),
                writes=made if inside else self._new(0),
                over=tuple(
                    views[code.arguments[at]].tensor
                    for at in code.in_place
                    if inside and self._may_overwrite(views[code.arguments[at]])
                ),
                work_bytes=code.most_work_bytes,
            )
        )
        row = kept.old * kept.row_bytes

        def call(placed: ScratchPlan) -> str:
            arguments = [self._of_view(view, placed) for view in views.values()]
            output = _scratch(made, placed) if inside else f"kept + {self.state[made] + row}"
            return _call(node, code, [*arguments, output], placed.work[number])

        self._add(
            StepLayer(
                node=node,
                code=code,
                rows=kept.new,
                state_bytes=0 if inside else kept.bytes,
                macs=_macs(self.step.model, node),
            ),
            call,
        )

    def _moves_about(self, view: View) -> bool:
        return view.tensor not in self.state

    def _may_overwrite(self, view: View) -> bool:
        whole = view.rows == self.planned.kept[view.tensor].rows
        return whole and self._moves_about(view) and view.tensor != self.model.input

    def _of_view(self, view: View, placed: ScratchPlan) -> str:
        at = view.first * self.planned.kept[view.tensor].row_bytes
        if view.tensor in self.state:
            return f"kept + {self.state[view.tensor] + at}"
        place = _scratch(view.tensor, placed)
        return f"{place} + {at}" if at else place

    def _whole_layer(self, node: Node) -> None:
        code = self.codes[node.number]
        needs = iter(self.planned.needs(self.model, node))
        read: dict[int, int] = {}  # what stands for an input whose rows run over time
        for index in node.inputs:
            if index in self.planned.rows:
                view = self._window(index, next(needs).first)
                read[index] = self._part(view)
        sources = [read.get(index, index) for index in node.inputs]
        if code is None:
            self._rename(sources[0], node.output)
            return
        arguments = [read.get(index, index) for index in code.arguments]
        number = len(self.uses)
        inside = [index for index in arguments if index not in self.places]
        over = [arguments[at] for at in code.in_place if arguments[at] in inside]
        self.uses.append(
            Use(
                reads=tuple(inside),
                writes=node.output,
                over=tuple(index for index in over if index >= 0 and index != self.model.input),
                work_bytes=code.most_work_bytes,
            )
        )

        def call(placed: ScratchPlan) -> str:
            given = [self.places.get(index) or _scratch(index, placed) for index in arguments]
            return _call(node, code, [*given, _scratch(node.output, placed)], placed.work[number])

        macs = _macs(self.model, node)
        self._add(StepLayer(node=node, code=code, rows=None, state_bytes=0, macs=macs), call)

    def _window(self, index: int, first: int) -> View:
        rows = self.planned.rows[index]
        kept = self.planned.kept[rows.root]
        return View(
            tensor=rows.root,
            first=kept.row_of(first),
            rows=rows.count,
            apart=rows.stride // kept.grid,
        )

    def _part(self, view: View) -> int:
        """A number for the rows of a view, which lie side by side."""
        row_bytes = self.planned.kept[view.tensor].row_bytes
        made = self._new(view.rows * row_bytes)
        if view.apart == 1 and view.tensor in self.state:
            at = self.state[view.tensor] + view.first * row_bytes
            self.places[made] = f"kept + {at}"
            return made
        self.picks = True
        reads = () if view.tensor in self.state else (view.tensor,)
        self.uses.append(Use(reads=reads, writes=made))

        def call(placed: ScratchPlan) -> str:
            to, source = _scratch(made, placed), self._of_view(view, placed)
            step = view.apart * row_bytes
            return f"    pick({to}, {source}, {view.rows}, {row_bytes}, {step});\n"

        self.calls.append(call)
        return made

    def _rename(self, source: int, output: int) -> None:
        if source in self.places:
            self.places[output] = self.places[source]
        else:
            self.uses.append(Use(reads=(source,), writes=output, renames=True))

    def _add(self, layer: StepLayer, call: Callable[[ScratchPlan], str]) -> None:
        self.layers.append(layer)
        self.calls.append(call)


def _macs(model: Model, node: Node) -> int:
    shapes = [model.values[index].shape if index >= 0 else None for index in node.inputs]
    return operator_macs(node.operator, inputs=shapes, outputs=[model.values[node.output].shape])


def _lay_out(planned: StepPlan, model_input: int) -> tuple[dict[int, int], int]:
    """Offsets of the tensors that keep old rows, and the size of all."""
    state: dict[int, int] = {}
    size = 0
    for tensor in sorted(planned.kept, key=lambda each: (each != model_input, each)):
        if planned.kept[tensor].old:
            state[tensor] = size
            size += planned.kept[tensor].bytes
    return state, size


def _scratch(tensor: int, placed: ScratchPlan) -> str:
    if tensor in placed.in_input:
        return "frames"
    if tensor in placed.in_output:
        return "output"
    return f"memory + {placed.offsets[tensor]}"


def _call(node: Node, code: LayerCode, arguments: Sequence[str], work: int) -> str:
    given = list(arguments)
    if code.most_work_bytes:
        given.append(f"(int32_t *)(void *)(memory + {work})")
    return f"    {node.function}({', '.join(given)});\n"
