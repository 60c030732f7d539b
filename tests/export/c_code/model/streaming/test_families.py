"""Steps of every shipped network without padding over time. Slow: they are converted."""

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_model_run import needs_compiler, run_tflm
from c_models import Case
from c_steps import Stream, run_steps

from export.c_code.model import generate
from export.tflite.graph import parse_graph

pytestmark = [pytest.mark.slow, needs_compiler]
HOPS = (1, 2, 3, 5)  # a DS-CNN has a stride of two frames
STEPS = 12


def until_the_mean(content: bytes) -> bytes:
    """Untrained logits hardly differ; the mean over time does."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    graph.outputs = list(graph.operators[-2].outputs)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    from family_models import convert_valid

    made = {}
    for name, path in convert_valid(tmp_path_factory.mktemp("valid")).items():
        content = path.read_bytes()
        graph = parse_graph(content, name=name)
        _, window, bins, _ = graph.tensors[graph.inputs[0]].shape
        for hop in HOPS:
            count = (-(-window // hop) + STEPS) * hop
            frames = np.random.default_rng(hop).integers(-128, 128, (count, bins)).astype(np.int8)
            for end, model in (("logits", content), ("mean", until_the_mean(content))):
                made[f"{name} {hop} {end}"] = Stream(
                    model=model, hop=hop, frames=frames, window=window
                )
    return made


def test_every_network_without_padding_has_a_step(streams):
    for stream in streams.values():
        made = generate(stream.model, hop=stream.hop)
        assert made.step is not None
        assert made.step.macs < sum(layer.macs for layer in made.layers)


def test_its_steps_give_tflite_micros_bytes(streams, tmp_path):
    (tmp_path / "steps").mkdir()
    found = run_steps(streams, tmp_path / "steps")
    cases = {
        name: Case(
            model=stream.model,
            inputs=stream.windows().reshape(-1, 1, stream.window, stream.frames.shape[1], 1),
        )
        for name, stream in streams.items()
    }
    golden = run_tflm(cases, tmp_path)
    for name, outputs in found.items():
        np.testing.assert_array_equal(outputs, golden[name], err_msg=name)
    moved = [len(np.unique(each, axis=0)) for name, each in golden.items() if "mean" in name]
    assert min(moved) > 1
