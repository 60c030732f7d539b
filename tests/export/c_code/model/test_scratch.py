"""Where activations lie: sizes worked by hand, and a memory that is watched byte by byte."""

from dataclasses import dataclass

from c_models import Net
from hypothesis import given
from hypothesis import strategies as st

from export.c_code.model import generate
from export.c_code.model.scratch import Use, plan
from export.memory_plan import ALIGNMENT

BYTES = st.integers(1, 70)


def chain(*sizes: int, over: bool = False, work: int = 0):
    """Layers that each read what the one before has made; tensor 0 is the input, the last the
    output."""
    last = len(sizes) - 1
    uses = [
        Use(reads=(n,), writes=n + 1, over=(n,) if over else (), work_bytes=work)
        for n in range(last)
    ]
    return plan(uses, sizes=dict(enumerate(sizes)), model_input=0, model_output=last)


# --- worked by hand ---


def test_one_layer_needs_no_scratch():
    made = chain(10, 10)
    assert (made.bytes, made.offsets, made.in_input, made.in_output) == (0, {}, {0}, {1})


def test_of_three_tensors_in_a_row_neighbours_lie_beside_each_other():
    """Tensors 1 and 2 meet, as do 2 and 3; 1 and 3 share a place. 30 takes 32, 40 takes 48."""
    made = chain(10, 40, 30, 40, 10)
    assert made.bytes == 48 + 32
    assert made.offsets == {1: 0, 2: 48, 3: 0}


def test_layers_in_place_need_the_largest_tensor_only():
    """The last layer writes the caller's output, which has room for no 40 bytes."""
    made = chain(10, 40, 40, 30, 10, over=True)
    assert made.bytes == 48
    assert made.offsets == {1: 0, 2: 0, 3: 0}


def test_a_layer_that_makes_more_than_it_reads_is_not_in_place():
    assert chain(10, 40, 41, 10, over=True).bytes == 48 + 48


def test_a_chain_of_one_size_in_place_lies_in_the_callers_output():
    made = chain(10, 40, 40, 40, over=True)
    assert (made.bytes, made.in_output) == (0, {1, 2, 3})


def test_the_callers_input_is_never_written():
    assert chain(40, 40, 40, over=True).in_input == {0}


def test_work_is_beside_what_its_layer_reads_and_writes():
    """One tensor of 48 bytes; 20 bytes of work take 32, once for both layers."""
    made = chain(10, 48, 10, work=20)
    assert (made.bytes, made.work) == (48 + 32, (48, 48))


def test_what_is_needed_later_is_not_overwritten():
    uses = [
        Use(reads=(0,), writes=1),
        Use(reads=(1,), writes=2, over=(1,)),
        Use(reads=(2, 1), writes=3, over=(2,)),
        Use(reads=(3,), writes=4),
    ]
    made = plan(uses, sizes=dict.fromkeys(range(5), 16), model_input=0, model_output=4)
    assert made.offsets == {1: 0, 2: 16, 3: 16}


def test_what_is_read_twice_by_a_layer_is_not_overwritten():
    """As inputs of an operator, one of which is repeated along a dimension."""
    uses = [
        Use(reads=(0,), writes=1),
        Use(reads=(1, 1), writes=2, over=(1,)),
        Use(reads=(2,), writes=3),
    ]
    made = plan(uses, sizes=dict.fromkeys(range(4), 16), model_input=0, model_output=3)
    assert made.offsets == {1: 0, 2: 16}


def test_another_shape_lies_in_the_same_place_and_keeps_it_alive():
    uses = [
        Use(reads=(0,), writes=1),
        Use(reads=(1,), writes=2, renames=True),
        Use(reads=(1,), writes=3, over=(1,)),
        Use(reads=(3, 2), writes=4),
    ]
    made = plan(uses, sizes=dict.fromkeys(range(5), 16), model_input=0, model_output=4)
    assert made.offsets == {1: 0, 2: 0, 3: 16}


def test_the_callers_output_has_no_room_for_a_larger_tensor_even_when_it_is_reshaped_last():
    uses = [
        Use(reads=(0,), writes=1),
        Use(reads=(1,), writes=2, over=(1,)),
        Use(reads=(2,), writes=3, renames=True),
    ]
    made = plan(uses, sizes={0: 10, 1: 40, 2: 16, 3: 16}, model_input=0, model_output=3)
    assert (made.offsets, made.in_output) == ({1: 0}, {2, 3})


def test_a_separable_block_works_in_place():
    """6x5x8 of 240 bytes, in the place of each other, and beside them the work of the layer that
    needs most: the depthwise one on the DSP extension, two planes of 5 + 2 lines of 5 words, which
    begin at a multiple of 16. Portable C asks for less."""
    net = Net((1, 6, 5, 1))
    x = net.conv_2d(0, channels=8)
    x = net.depthwise_conv_2d(x)
    x = net.conv_2d(x, channels=8, kernel=(1, 1))
    model = net.model(net.fully_connected(net.mean(x, [1, 2])))
    assert generate(model).scratch_bytes == 240 + 288


def test_a_model_without_tensors_of_its_own_asks_for_the_least_scratch():
    net = Net((1, 4))
    assert generate(net.model(net.unary("RELU", 0))).scratch_bytes == ALIGNMENT


# --- a memory that is watched ---


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Layers, sizes of tensors, the output."""

    uses: list[Use]
    sizes: dict[int, int]
    output: int


@st.composite
def drawn(draw) -> Drawn:
    sizes, uses = {0: draw(BYTES)}, []
    for made in range(1, draw(st.integers(1, 9)) + 1):
        reads = draw(st.lists(st.integers(0, made - 1), min_size=1, max_size=3))
        if draw(st.integers(0, 4)) == 0:
            uses.append(Use(reads=(reads[0],), writes=made, renames=True))
            sizes[made] = sizes[reads[0]]
            continue
        over = draw(st.lists(st.sampled_from(reads), unique=True))
        work = draw(st.sampled_from((0, 0, 1, 16, 50)))
        uses.append(Use(reads=tuple(reads), writes=made, over=tuple(over), work_bytes=work))
        sizes[made] = draw(st.one_of(BYTES, st.just(sizes[reads[0]])))
    return Drawn(uses=uses, sizes=sizes, output=draw(st.integers(1, len(uses))))


class Memory:
    """The caller's input and output and the scratch, each byte named after the value in it."""

    def __init__(self, net: Drawn) -> None:
        self.plan = plan(net.uses, sizes=net.sizes, model_input=0, model_output=net.output)
        self.net = net
        self.areas = {
            "input": [0] * net.sizes[0],
            "output": [-1] * net.sizes[net.output],
            "scratch": [-1] * self.plan.bytes,
        }

    def place(self, tensor: int) -> tuple[str, range]:
        size = self.net.sizes[tensor]
        if tensor in self.plan.in_input:
            return "input", range(size)
        if tensor in self.plan.in_output:
            return "output", range(size)
        start = self.plan.offsets[tensor]
        return "scratch", range(start, start + size)

    def holds(self, tensor: int, value: int) -> bool:
        area, places = self.place(tensor)
        return [self.areas[area][place] for place in places] == [value] * len(places)

    def write(self, area: str, places: range, value: int) -> None:
        assert area != "input"
        assert places.start % ALIGNMENT == 0
        assert places.stop <= len(self.areas[area])
        self.areas[area][places.start : places.stop] = [value] * len(places)


def meet(one: tuple[str, range], two: tuple[str, range]) -> bool:
    return one[0] == two[0] and bool(set(one[1]) & set(two[1]))


@given(net=drawn())
def test_every_layer_finds_what_it_reads_and_writes_over_it_only_where_it_may(net):
    memory = Memory(net)
    value_of = {0: 0}
    for number, use in enumerate(net.uses):
        for tensor in use.reads:
            assert memory.holds(tensor, value_of[tensor])
        if use.renames:
            value_of[use.writes] = value_of[use.reads[0]]
            continue
        value_of[use.writes] = use.writes
        output = memory.place(use.writes)
        start = memory.plan.work[number]
        work = ("scratch", range(start, start + use.work_bytes))
        assert not meet(work, output)
        for tensor in use.reads:
            source = memory.place(tensor)
            assert not meet(work, source)
            shared = meet(output, source)
            assert not shared or any(memory.place(each) == source for each in use.over)
            assert not shared or output[1].start == source[1].start
        memory.write(*work, -2)
        memory.write(*output, use.writes)
    assert memory.holds(net.output, value_of[net.output])


@given(net=drawn())
def test_scratch_takes_no_more_than_everything_side_by_side(net):
    made = plan(net.uses, sizes=net.sizes, model_input=0, model_output=net.output)
    everything = [*net.sizes.values(), *(use.work_bytes for use in net.uses)]
    assert made.bytes % ALIGNMENT == 0
    assert made.bytes <= sum(-(-size // ALIGNMENT) * ALIGNMENT for size in everything)
