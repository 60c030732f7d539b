"""C of every shipped network of convolutions: every byte as TFLite Micro's. Slow: they convert."""

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_model_run import needs_compiler, run_c, run_tflm
from c_models import Case, random_inputs

from export.tflite.graph import parse_graph

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("families"), needs_compiler]
FAMILIES = (
    "ds_cnn", "ds_cnn_se", "tc_resnet", "res", "edgespeechnet", "bc_resnet", "bc_resnet_bn",
    "highway",
)  # fmt: skip
INPUTS = 20
CUTS = 3


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
def compared(family_models, tmp_path_factory):
    """Outputs of all models and of their cuts: the C's and TFLite Micro's, by family."""
    every = {
        f"{family} {name}": case
        for family in FAMILIES
        for name, case in cases(family, family_models[family].read_bytes()).items()
    }
    golden = run_tflm(every, tmp_path_factory.mktemp("golden"))
    outputs = run_c(every, tmp_path_factory.mktemp("outputs"))
    return {name: (outputs[name], golden[name]) for name in every}


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_and_inner_tensors_are_those_of_tflite_micro(family, compared):
    pairs = [pair for name, pair in compared.items() if name.startswith(f"{family} ")]
    assert len(pairs) == CUTS + 1
    for output, golden in pairs:
        np.testing.assert_array_equal(output, golden)
    assert max(len(np.unique(golden)) for _, golden in pairs) > 50
