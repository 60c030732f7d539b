"""Which operator of a float graph is which of its integer twin, on graphs of a few lines."""

import pytest

from export.layer_costs.match import CONVERTING, match
from export.tflite.graph import Graph, Operator, Tensor

CHAIN = [("CONV_2D", "a"), ("CONV_2D", "b"), ("MEAN", "c"), ("FULLY_CONNECTED", "logits:0")]


def chain(operators: list[tuple[str, str]], *, size: int = 4):
    """One operator after the other, by its name and that of its output."""
    names = ["features", *(output for _, output in operators)]
    tensors = [Tensor(name=name, shape=(1, size), dtype="float32") for name in names]
    return Graph(
        tensors=tuple(tensors),
        operators=tuple(
            Operator(name=name, inputs=(number,), outputs=(number + 1,))
            for number, (name, _) in enumerate(operators)
        ),
        inputs=(0,),
        outputs=(len(operators),),
    )


def twins(floating: Graph, integer: Graph) -> list[tuple[str, str]]:
    """Outputs of each pair."""
    layers, _ = match(floating, integer)
    return [
        (
            floating.tensors[layer.floating.outputs[0]].name,
            integer.tensors[layer.integer.outputs[0]].name,
        )
        for layer in layers
    ]


def test_outputs_of_the_same_name_are_twins_wherever_they_stand():
    moved = chain([CHAIN[1], CHAIN[0], *CHAIN[2:]])
    assert twins(chain(CHAIN), moved) == [(name, name) for name in ("a", "b", "c", "logits:0")]


@pytest.mark.parametrize("name", CONVERTING)
def test_operators_that_only_convert_are_no_layers(name):
    integer = chain([(name, "b1"), CHAIN[0], (name, "b2"), *CHAIN[1:], (name, "b3")])
    layers, unmatched = match(chain(CHAIN), integer)
    assert [layer.name for layer in layers] == ["a", "b", "c", "logits"]
    layers, unmatched = match(integer, chain(CHAIN))
    assert [layer.number for layer in layers] == [1, 3, 4, 5]
    assert unmatched == ()


def test_operators_of_other_names_are_twins_where_they_follow_each_other_in_both():
    renamed = chain([CHAIN[0], ("CONV_2D", "x"), ("MEAN", "y"), CHAIN[3]])
    assert twins(chain(CHAIN), renamed)[1:3] == [("b", "x"), ("c", "y")]


def test_another_operator_of_the_same_name_is_no_twin():
    other = chain([CHAIN[0], ("ADD", "b"), *CHAIN[2:]])
    layers, unmatched = match(chain(CHAIN), other)
    assert [layer.name for layer in layers] == ["a", "c", "logits"]
    assert unmatched == ("b",)


def test_another_shape_is_no_twin():
    assert match(chain(CHAIN), chain(CHAIN, size=5)) == ((), ("a", "b", "c", "logits:0"))


def test_a_name_that_stands_twice_tells_nothing_so_that_order_decides():
    twice = chain([("CONV_2D", "a"), ("CONV_2D", "a"), ("MEAN", "c")])
    layers, _ = match(twice, chain([("CONV_2D", "a"), ("CONV_2D", "z"), ("MEAN", "c")]))
    assert [(layer.number, layer.integer.outputs[0]) for layer in layers] == [
        (0, 1),
        (1, 2),
        (2, 3),
    ]


def test_layers_come_in_the_order_of_the_float_graph():
    moved = chain([CHAIN[2], CHAIN[3], CHAIN[0], CHAIN[1]])
    layers, _ = match(chain(CHAIN), moved)
    assert [layer.number for layer in layers] == [0, 1, 2, 3]


def test_a_fused_layer_is_called_by_its_last_part():
    floating = chain([("CONV_2D", "Relu_1;FusedBatchNormV3_1;Conv2D_1")])
    ((layer,), _) = match(floating, floating)
    assert layer.name == "Conv2D_1"
