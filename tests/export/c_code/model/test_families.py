"""C of every shipped network of convolutions: every byte as TFLite Micro's. Slow: they convert."""

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_model_run import needs_compiler, run_c, run_tflm
from c_models import Case, random_inputs

from export.tflite.graph import parse_graph

pytestmark = [pytest.mark.slow, needs_compiler]
SIZES = {
    "ds_cnn": "S", "ds_cnn_se": "S", "tc_resnet": "8", "res": "8-narrow", "edgespeechnet": "D",
    "bc_resnet": "1", "bc_resnet_bn": "1", "highway": "128",
}  # fmt: skip
INPUTS = 20
CUTS = 3


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """int8 bytes of each family's smallest student, untrained but for drawn biases."""
    from export.convert.converter import Conversion, convert_all
    from pld_tf.model_bundle.untrained import write_untrained
    from pld_tf.recipe.load import load_recipe

    folder, recipe = tmp_path_factory.mktemp("families"), load_recipe("smoke")
    conversions = []
    for family, size in SIZES.items():
        choice = recipe.models[0].model_copy(update={"family": family, "size": size})
        students = recipe.model_copy(update={"models": [choice]})
        write_untrained(students, folder / family, width=0.5)
        conversions.append(
            Conversion(
                saved_model=folder / family / "saved_model",
                representative=folder / family / "representative.npz",
                outputs={"int8": folder / f"{family}.tflite"},
            )
        )
    convert_all(conversions)
    return {family: (folder / f"{family}.tflite").read_bytes() for family in SIZES}


def cut(content: bytes, tensor: int) -> bytes:
    """The model with another output; untrained logits hardly differ, what is inside does."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    model.subgraphs[0].outputs = [tensor]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def cases(family: str, content: bytes) -> dict[str, Case]:
    graph = parse_graph(content, name=family)
    inputs = random_inputs(graph.tensors[graph.inputs[0]].shape, count=INPUTS - 3)
    last = len(graph.operators) - 1
    places = [last, *(last * part // (CUTS + 1) for part in range(1, CUTS + 1))]
    made = [graph.operators[place].outputs[0] for place in places]
    return {str(each): Case(model=cut(content, each), inputs=inputs) for each in made}


@pytest.fixture(scope="module")
def compared(models, tmp_path_factory):
    """Outputs of all models and of their cuts: the C's and TFLite Micro's, by family."""
    every = {
        f"{family} {name}": case
        for family, content in models.items()
        for name, case in cases(family, content).items()
    }
    golden = run_tflm(every, tmp_path_factory.mktemp("golden"))
    outputs = run_c(every, tmp_path_factory.mktemp("outputs"))
    return {name: (outputs[name], golden[name]) for name in every}


@pytest.mark.parametrize("family", SIZES)
def test_logits_and_inner_tensors_are_those_of_tflite_micro(family, compared):
    pairs = [pair for name, pair in compared.items() if name.startswith(f"{family} ")]
    assert len(pairs) == CUTS + 1
    for output, golden in pairs:
        np.testing.assert_array_equal(output, golden)
    assert max(len(np.unique(golden)) for _, golden in pairs) > 50
