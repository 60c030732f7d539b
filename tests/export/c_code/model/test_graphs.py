"""C of whole graphs: branches, reshapes at the ends, outputs that are read again; random ones."""

import numpy as np
import pytest
from c_graphs import BUILDS, IMAGE
from c_model_run import needs_compiler, run_c, run_tflm
from c_models import case
from c_random_models import random_case
from hypothesis import given
from hypothesis import strategies as st

from export.c_code.model import generate
from export.tflite.graph import parse_graph

CASES = {
    **{name: case(name, IMAGE, build) for name, build in BUILDS.items()},
    **{f"random {seed}": random_case(seed) for seed in range(40)},
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return run_c(CASES, tmp_path_factory.mktemp("graphs"))


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    return run_tflm(CASES, tmp_path_factory.mktemp("golden"))


@needs_compiler
@pytest.mark.parametrize("name", CASES)
def test_bytes_are_those_of_tflite_micro(name, outputs, golden):
    np.testing.assert_array_equal(outputs[name], golden[name])


@needs_compiler
def test_a_reshape_alone_gives_the_input_back(outputs):
    flat = CASES["only reshaped"].inputs.reshape(-1, 120)
    np.testing.assert_array_equal(outputs["only reshaped"], flat)


def test_random_models_cover_every_operator():
    """Those that the plain cases have: else the generator of models has lost one."""
    from export.c_code.model.kernels.registry import PORTABLE, RENAMING

    found = set()
    for name, each in CASES.items():
        if name.startswith("random"):
            found |= {op.name for op in parse_graph(each.model, name=name).operators}
    assert found == {*PORTABLE, *RENAMING}


@given(seed=st.integers(0, 2**32 - 1))
def test_the_same_model_gives_the_same_text(seed):
    model = random_case(seed).model
    assert generate(model) == generate(bytes(bytearray(model)))


@given(seed=st.integers(0, 2**32 - 1))
def test_every_layer_but_reshapes_has_one_function_with_its_shape(seed):
    model = random_case(seed).model
    made, graph = generate(model), parse_graph(model, name="random")
    kept = [op for op in graph.operators if op.name != "RESHAPE"]
    assert [layer.operator for layer in made.layers] == [op.name for op in kept]
    for layer, op in zip(made.layers, kept, strict=True):
        shape = graph.tensors[op.outputs[0]].shape
        assert layer.output_shape == shape
        assert made.source.count(f"\nstatic void {layer.function}(") == 1
        comment = made.source[: made.source.index(f"static void {layer.function}(")]
        comment = comment[comment.rindex(f"\n/* {op.name} ") :].splitlines()[1]
        assert "x".join(map(str, shape[1:])) in comment
