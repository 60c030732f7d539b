"""The gate of bytes: it catches multipliers that differ in their last bits, and names the layer."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_graphs import BUILDS, IMAGE
from c_model_run import needs_compiler, run_tflm
from c_models import VALID, Case, Net, case
from c_random_models import random_case
from hypothesis import given, settings
from hypothesis import strategies as st

from export.c_code.model.apart import generate_apart
from export.c_code.model.emit import generate
from export.c_code.model.layer import Layer
from export.c_code.model.requantize import single
from export.errors import ExportError
from export.jobs import exact_bytes
from export.jobs.exact_bytes import check_bytes
from export.ports import Skipped, Stage, Stages
from export.tflite.facts import model_info
from export.tflite.graph import parse_graph
from pld_tf.bridge.for_export import parity_stages

pytestmark = needs_compiler


def check(content: bytes, folder, stages=None) -> dict:
    made = generate(content)
    (folder / "model.tflite").write_bytes(content)
    (folder / "kws_model.h").write_text(made.header)
    (folder / "kws_model.c").write_text(made.source)
    info = model_info(parse_graph(content, name="model"), folder)
    return check_bytes(folder, info, stages=stages or parity_stages())


@pytest.fixture
def multiplied_in_32_bits(monkeypatch):
    """As TFLite Micro did it until August 2026, in dense layers of one scale."""
    monkeypatch.setattr(
        Layer,
        "sum_factors",
        lambda self, scales: [
            single(self.input().scale * scale) / self.output.scale for scale in scales
        ],
    )


def dense_layer(net: Net) -> int:
    """Its scales are such that some sums tell a product in 32 bits from one in 64."""
    values = net.rng.integers(-127, 128, (20, 40)).astype(np.int8)
    weights = net.constant(values, scales=[0.017794044688344002])
    output = net.tensor((1, 20), scale=0.23999999463558197, zero=0)
    return net.layer("FULLY_CONNECTED", [0, weights], output, schema.FullyConnectedOptionsT())


def dense() -> bytes:
    net = Net((1, 40), scale=0.05999999865889549, zero=0)
    return net.model(dense_layer(net))


def hidden() -> bytes:
    """The next layer rounds a wrong byte away: it makes 2 steps of 255."""
    net = Net((1, 40), scale=0.05999999865889549, zero=0)
    inner = dense_layer(net)
    return net.model(net.quantize(inner, scale=100 * net.scale(inner), zero=0))


@pytest.fixture(autouse=True)
def few_inputs(monkeypatch):
    monkeypatch.setattr(exact_bytes, "MOST_INPUTS", 400)


def test_all_bytes_of_a_model_and_of_its_layers_are_compared(tmp_path):
    pytest.importorskip("tflite_micro")
    rows = check(dense(), tmp_path)["stages"]
    assert [(row["what"], row["inputs"], row["differing"]) for row in rows] == [
        ("model", 400, 0), ("layers apart", 400, 0)
    ]  # fmt: skip


def test_a_product_of_scales_in_32_bits_is_found(multiplied_in_32_bits, tmp_path):
    pytest.importorskip("tflite_micro")
    with pytest.raises(ExportError, match="generated C gives other bytes than TFLite Micro for "):
        check(dense(), tmp_path)


def test_a_fault_that_later_layers_hide_is_found_and_named(multiplied_in_32_bits, tmp_path):
    pytest.importorskip("tflite_micro")
    with pytest.raises(ExportError, match=r", first in FULLY_CONNECTED \(layer 0, 't2'\); nothing"):
        check(hidden(), tmp_path)


def test_the_foreign_dense_layer_fails_with_32_bits(shared, multiplied_in_32_bits, tmp_path):
    """Input 0 gives -21 in TFLite Micro; with 32 bits -22."""
    pytest.importorskip("tflite_micro")
    model = (shared / "models" / "foreign" / "dense_888_bytes.tflite").read_bytes()
    with pytest.raises(ExportError, match="generated C gives other bytes"):
        check(model, tmp_path)


def test_a_stage_that_cannot_run_is_told_with_its_reason(tmp_path):
    stages = Stages(
        models=(Stage(name="a", against=(), run=lambda *_: Skipped(reason="no b"), exact=True),)
    )
    assert check(dense(), tmp_path, stages) == {"stages": [], "skipped": {"a": "no b"}}


@pytest.mark.parametrize("name", ["a residual block", "squeeze and excite", "late", "reshaped"])
def test_layers_apart_are_the_layers_of_the_model(name, tmp_path):
    """Fed with what the layers before give, the last one gives the model's output."""
    full = next(each for each in BUILDS if each.startswith(name) or name in each)
    whole = case(full, IMAGE, BUILDS[full])
    apart = generate_apart(whole.model)
    assert [layer.title.split()[0] for layer in apart.layers] == [
        op.name for op in parse_graph(whole.model, name="m").operators if op.name != "RESHAPE"
    ]
    graph = parse_graph(apart.tflite, name="apart")
    assert len(graph.inputs) == sum(len(layer.inputs) for layer in apart.layers)
    assert len(graph.outputs) == len(apart.layers)
    assert not set(graph.inputs) & set(graph.outputs)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_models_can_be_taken_apart(seed):
    content = random_case(seed).model
    apart = generate_apart(content)
    graph = parse_graph(apart.tflite, name="apart")
    sizes = [graph.tensors[index].elements for index in graph.inputs]
    assert sum(sizes) == sum(layer.input_bytes for layer in apart.layers)
    assert all(graph.tensors[index].dtype == "int8" for index in (*graph.inputs, *graph.outputs))


def test_a_model_with_a_new_front_runs_on_tflite_micro(tmp_path):
    """One layer, so both have the same inputs and outputs."""
    net = Net((1, 9), seed=1)
    content = net.model(net.fully_connected(0))
    inputs = np.random.default_rng(0).integers(-128, 128, (5, 1, 9)).astype(np.int8)
    cases = {
        "whole": Case(model=content, inputs=inputs),
        "apart": Case(model=generate_apart(content).tflite, inputs=inputs),
    }
    outputs = run_tflm(cases, tmp_path)
    np.testing.assert_array_equal(outputs["whole"], outputs["apart"])


def stepped(content: bytes, folder, *, fault: bool = False) -> dict:
    made = generate(content, hop=2)
    assert made.step is not None
    source = made.source
    if fault:  # a row too few moves down
        source = source.replace("    move(kept + 0, ", "    move(kept + 1, ", 1)
        assert source != made.source
    (folder / "model.tflite").write_bytes(content)
    (folder / "kws_model.h").write_text(made.header)
    (folder / "kws_model.c").write_text(source)
    info = model_info(parse_graph(content, name="model"), folder)
    return check_bytes(folder, info, stages=parity_stages())


def streamed() -> bytes:
    net = Net((1, 12, 4, 1))
    x = net.conv_2d(0, channels=4, kernel=(3, 4), padding=VALID)
    return net.model(net.fully_connected(net.mean(x, [1, 2]), units=3))


def test_steps_are_compared_with_whole_windows(tmp_path):
    pytest.importorskip("tflite_micro")
    rows = stepped(streamed(), tmp_path)["stages"]
    assert [row["what"] for row in rows] == ["model", "in steps", "layers apart"]


def test_a_step_with_a_fault_is_refused(tmp_path):
    pytest.importorskip("tflite_micro")
    with pytest.raises(ExportError, match="generated C gives other bytes than TFLite Micro"):
        stepped(streamed(), tmp_path, fault=True)
