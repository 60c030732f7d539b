"""A float .tflite with some layers rounded, against the same sums in NumPy."""

from dataclasses import replace

import numpy as np
import tiny_twins
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_twins import INPUT_SCALE, SCALES, schema, three_layers

from export.tflite import interpreter
from export.tflite.graph import Graph, parse_graph
from export.tflite.quantization import Quantization
from export.tflite.rounding import Rounding, with_rounding, without_rounding

LAYERS = three_layers()
NAMES = [layer.name for layer in LAYERS]
CROPS = tiny_twins.crops(8)
FLOAT = tiny_twins.float_model(LAYERS)


def run(content: bytes, tmp_path_factory) -> np.ndarray:
    path = tmp_path_factory.mktemp("model") / "x.tflite"
    path.write_bytes(content)
    return interpreter.run(path, CROPS, resolver=interpreter.FAST)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal but for the order of a float sum; a step is five thousand times as large."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-5)


def graph(content: bytes) -> Graph:
    return parse_graph(content, name="x")


def rounding(name: str, **changes) -> Rounding:
    """As a layer's int8 twin rounds it: its weights and its output."""
    number = NAMES.index(name)
    layer = LAYERS[number]
    output = graph(FLOAT).operators[number].outputs[0]
    values = {
        "operator": number,
        "constants": {1: (layer.stored * np.float32(layer.weight_scale)).astype(np.float32)},
        "outputs": {output: Quantization(dtype="int8", scale=layer.scale, zero_point=0)},
    }
    return Rounding(**(values | changes))


def test_the_twins_of_these_tests_compute_what_numpy_does(tmp_path_factory):
    close(run(FLOAT, tmp_path_factory), tiny_twins.logits(LAYERS, CROPS))


@settings(max_examples=8)
@given(names=st.sets(st.sampled_from(NAMES)))
def test_layers_that_are_rounded_compute_on_their_grids_and_the_others_exactly(
    names, tmp_path_factory
):
    found = run(with_rounding(FLOAT, [rounding(name) for name in names]), tmp_path_factory)
    close(found, tiny_twins.logits(LAYERS, CROPS, rounded=names))


def test_rounding_weights_alone_leaves_the_output_exact(tmp_path_factory):
    coarse = np.sign(LAYERS[1].weights)
    content = with_rounding(FLOAT, [rounding("middle", constants={1: coarse}, outputs={})])
    changed = [LAYERS[0], replace(LAYERS[1], weights=coarse), LAYERS[2]]
    close(run(content, tmp_path_factory), tiny_twins.logits(changed, CROPS))
    assert "QUANTIZE" not in [operator.name for operator in graph(content).operators]


def test_the_input_is_rounded_before_anything_reads_it(tmp_path_factory):
    grid = Quantization(dtype="int8", scale=INPUT_SCALE, zero_point=0)
    content = with_rounding(FLOAT, [Rounding(outputs={0: grid})])
    expected = tiny_twins.logits(LAYERS, CROPS, rounded={"input"})
    close(run(content, tmp_path_factory), expected)
    assert graph(content).operators[0].name == "QUANTIZE"


def test_a_zero_point_moves_what_can_be_held(tmp_path_factory):
    """Of -128 to 127 with the zero at -128, nothing below 0 can be held."""
    output = graph(FLOAT).outputs[0]
    grid = Quantization(dtype="int8", scale=SCALES["logits"], zero_point=-128)
    found = run(with_rounding(FLOAT, [Rounding(outputs={output: grid})]), tmp_path_factory)
    exact = tiny_twins.logits(LAYERS, CROPS)
    assert (exact < -1).any()
    steps = np.clip(np.rint(exact / SCALES["logits"]), 0, 255)
    close(found, steps * SCALES["logits"])


def test_16_bits_hold_what_8_cut_off(tmp_path_factory):
    output = graph(FLOAT).outputs[0]
    exact = tiny_twins.logits(LAYERS, CROPS)
    scale = 1 / 64
    clipped, held = (
        run(
            with_rounding(
                FLOAT,
                [Rounding(outputs={output: Quantization(dtype=dtype, scale=scale, zero_point=0)})],
            ),
            tmp_path_factory,
        )
        for dtype in ("int8", "int16")
    )
    assert np.abs(held - exact).max() <= scale / 2
    assert np.abs(clipped).max() == 128 * scale < np.abs(exact).max()


def test_weights_that_two_layers_share_are_rounded_for_one_alone(tmp_path_factory):
    first, middle, last = LAYERS
    model = schema.ModelT.InitFromPackedBuf(
        tiny_twins.float_model([first, middle, middle, last]), 0
    )
    one, other = model.subgraphs[0].operators[1:3]
    other.inputs = [other.inputs[0], one.inputs[1]]
    coarse = np.sign(middle.weights)
    rounded = rounding("middle", constants={1: coarse}, outputs={})
    found = run(with_rounding(tiny_twins.packed(model), [rounded]), tmp_path_factory)
    expected = [first, replace(middle, weights=coarse), middle, last]
    close(found, tiny_twins.logits(expected, CROPS))


# --- the other way ---


def test_what_was_rounded_comes_out_exact_and_without_an_operator_that_rounds(tmp_path_factory):
    outputs = [rounding(name, constants={}) for name in NAMES]
    grid = Quantization(dtype="int8", scale=INPUT_SCALE, zero_point=0)
    rounded = with_rounding(FLOAT, [*outputs, Rounding(outputs={0: grid})])
    assert len(graph(rounded).operators) == 3 + 2 * 4
    content = without_rounding(rounded)
    assert [operator.name for operator in graph(content).operators] == ["FULLY_CONNECTED"] * 3
    close(run(content, tmp_path_factory), tiny_twins.logits(LAYERS, CROPS))


def test_a_model_that_rounds_nothing_has_the_same_graph_afterwards():
    assert graph(without_rounding(FLOAT)) == graph(FLOAT)
