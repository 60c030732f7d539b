"""Would a student fit its device? Asked before it is trained."""

import itertools
import json

import numpy as np
import pytest
import tiny_run
import typer
from hypothesis import given
from hypothesis import strategies as st
from places import GOLDEN
from typer.testing import CliRunner

from export.cli import Brought
from export.cli import export as export_command
from export.convert.converter import convert_all
from export.device_fit import preflight
from export.device_fit.arena import Life, greedy_bytes, plan_arena, tensor_lives
from export.device_fit.limits import Layers, Limits, device_costs, refused_operators, too_large
from export.device_fit.preflight import narrower_widths, report_text, require_fit
from export.errors import ExportError
from export.tflite.graph import Graph, Operator, Tensor, read_graph
from pld_tf.commands import app, train
from pld_tf.recipe.load import load_recipe, recipe_names

BY_NODE = {"Conv2D_1": "first", "Conv2D_2": "second", "Relu_1": "re_lu", "MatMul_1": "logits"}


def activation(name: str, size: int, dtype: str = "int8") -> Tensor:
    return Tensor(name=name, shape=(1, size), dtype=dtype)


def weights(outputs: int, inputs: int) -> Tensor:
    shape = (outputs, inputs)
    return Tensor(name="w", shape=shape, dtype="int8", constant=True, scale=1.0, channels=outputs)


def chain(*, second: str = "CONV_2D", dtype: str = "int8") -> Graph:
    """Input of 32 bytes, 64, 160, output of 16; weights of 64x32, 160x64 and 16x160."""
    return Graph(
        tensors=(
            activation("features:0", 32),
            activation("Relu_1;Conv2D_1", 64),
            activation("Conv2D_2", 160, dtype),
            activation("MatMul_1", 16),
            weights(64, 32),
            weights(160, 64),
            weights(16, 160),
        ),
        operators=(
            Operator(name="CONV_2D", inputs=(0, 4, -1), outputs=(1,)),
            Operator(name=second, inputs=(1, 5, -1), outputs=(2,)),
            Operator(name="FULLY_CONNECTED", inputs=(2, 6, -1), outputs=(3,)),
        ),
        inputs=(0,),
        outputs=(3,),
    )


def costs_of(graph: Graph, model_bytes: int = 4096) -> dict:
    return device_costs(graph, model_bytes=model_bytes, layers=Layers(graph, BY_NODE))


# --- the arena ---


def test_a_tensor_lives_from_the_operator_that_makes_it_to_the_last_that_reads_it():
    assert tensor_lives(chain()) == [
        Life(tensor=0, bytes=32, first=0, last=0),
        Life(tensor=1, bytes=64, first=0, last=1),
        Life(tensor=2, bytes=160, first=1, last=2),
        Life(tensor=3, bytes=16, first=2, last=2),
    ]


def test_the_arena_of_a_chain_is_its_widest_pair_and_its_structures():
    """160 + 64 at once; 7 tensors, 3 operators, 240 channels: constants of arena.py."""
    arena = plan_arena(chain())
    assert arena.tensor_bytes == 224
    assert arena.fixed_bytes == 488 + 7 * 12 + 3 * 96 + 240 * 8
    assert (arena.peak_operator, arena.peak_tensors) == (1, (2, 1))


LIVES = st.lists(
    st.tuples(st.integers(1, 20), st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=12
).map(
    lambda drawn: [
        Life(tensor=number, bytes=16 * size, first=min(a, b), last=max(a, b))
        for number, (size, a, b) in enumerate(drawn)
    ]
)


@given(LIVES)
def test_a_plan_is_never_smaller_than_what_lives_at_once_nor_larger_than_everything(lives):
    at_once = max(
        sum(life.bytes for life in lives if life.first <= moment <= life.last)
        for moment in range(9)
    )
    assert at_once <= greedy_bytes(lives) <= sum(life.bytes for life in lives)


def test_tensors_that_never_meet_share_their_place():
    lives = [Life(tensor=n, bytes=16 * n, first=n, last=n) for n in range(1, 5)]
    assert greedy_bytes(lives) == 64


def test_the_plan_of_the_mlperf_keyword_model_is_what_tflm_takes_on_a_cortex_m4(shared):
    """shared/facts/firmware.md: 22,772 bytes; and 16,000 of them are tensors."""
    arena = plan_arena(read_graph(shared / "models" / "mlperf_tiny_kws_ref_model.tflite"))
    assert (arena.tensor_bytes, arena.bytes) == (16_000, 22_772)


@pytest.mark.parametrize("name", ["int8.tflite", "int8_float_io.tflite"])
def test_tensors_are_planned_as_tflm_does(name):
    pytest.importorskip("tflite_micro", reason="needs the extra tflm")
    from firmware_harness.runtimes.tflm import arena_of_file

    measured = arena_of_file(GOLDEN / name)
    assert plan_arena(read_graph(GOLDEN / name)).tensor_bytes == measured["head_bytes"]


# --- limits ---


def test_limits_that_are_just_met_are_met():
    costs = costs_of(chain())
    limits = Limits(flash_bytes=4096, ram_bytes=costs["ram_bytes"])
    assert too_large(costs, limits) == []
    assert too_large(costs, Limits()) == []


def test_too_much_flash_is_put_down_to_the_layer_with_most_weights():
    (text,) = too_large(costs_of(chain(), 4097), Limits(flash_bytes=4096))
    assert text == (
        "the model takes 4.0 KiB of flash, more than flash_kb = 4, most of it in layer second "
        "(10.0 KiB)"
    )


def test_too_much_ram_is_put_down_to_the_layer_at_the_peak():
    (text,) = too_large(costs_of(chain()), Limits(ram_bytes=1024))
    assert text == (
        "the arena takes about 2.9 KiB of RAM, more than ram_kb = 1, most of it in layer second "
        "(tensors of 0.2 KiB + 0.1 KiB)"
    )


def test_an_operator_that_tflm_lacks_is_named_with_its_layer_once():
    graph = chain(second="SEGMENT_SUM")
    layers = Layers(graph, BY_NODE)
    expected = ["layer second needs the operator SEGMENT_SUM, which TFLite Micro lacks"]
    assert refused_operators(graph, Limits(), layers) == expected
    assert refused_operators(graph, Limits(any_ops=True), layers) == []


def test_custom_operators_are_those_that_tflm_brings():
    texts = [
        refused_operators(graph, Limits(), Layers(graph, BY_NODE))
        for graph in (chain(second="CUSTOM ethos-u"), chain(second="CUSTOM Mine"))
    ]
    assert texts[0] == []
    assert "CUSTOM Mine" in texts[1][0]


def test_layers_that_stay_float_are_named():
    graph = chain(dtype="float32")
    texts = refused_operators(graph, Limits(any_ops=True), Layers(graph, BY_NODE))
    assert texts == [
        "layer second stays float (CONV_2D): the device has integers only",
        "layer logits stays float (FULLY_CONNECTED): the device has integers only",
    ]


@given(st.floats(0.1, 8), st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**6))
def test_only_narrower_widths_are_tried_widest_first(width, flash, flash_limit, ram_limit):
    costs = {"flash_bytes": flash, "ram_bytes": 10**5}
    limits = Limits(flash_bytes=flash_limit, ram_bytes=ram_limit)
    widths = narrower_widths(width, costs, limits)
    assert all(0.05 <= each < width for each in widths)
    assert all(a > b for a, b in itertools.pairwise(widths))


def test_half_the_ram_suggests_half_the_width_and_a_quarter_of_the_flash_too():
    costs = {"flash_bytes": 4000, "ram_bytes": 4000}
    assert narrower_widths(2.0, costs, Limits(ram_bytes=2000))[0] == 1.0
    assert narrower_widths(2.0, costs, Limits(flash_bytes=1000))[0] == 1.0


# --- reports ---


def report(**changes) -> dict:
    graph = chain()
    limits = {"flash_bytes": 8192, "ram_bytes": None, "ops": "tflm"}
    return {
        "recipe": "mine", "limits": limits, "macs": 13_000, "parameters": 1,
        "operators": [{"name": "CONV_2D", "count": 2}], **costs_of(graph), "violations": [],
        "way_out": None,
    } | changes  # fmt: skip


def test_a_student_that_fits_is_one_line():
    assert require_fit(report()) == (
        "mine fits: 4.0 of 8 KiB of flash, about 2.9 KiB of RAM, 13,000 MACs, before training"
    )
    assert report_text(report()).startswith(require_fit(report()) + "\noperators: 2 CONV_2D\n")


def test_a_student_that_does_not_fit_is_refused_with_the_way_out():
    refused = report(violations=["a", "b", "c", "d", "e"], way_out="Do this")
    for show in (require_fit, report_text):
        with pytest.raises(ExportError) as caught:
            show(refused)
        assert str(caught.value) == "recipe mine does not fit: a; b; c; and 2 more. Do this."


# --- commands ---


@pytest.fixture
def answered(monkeypatch, pld):
    """Runs a command line whose preflight gives `answer`; gives exit code, stdout and stderr."""

    def run(answer: dict, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(app, "preflight", lambda name: answer | {"recipe": name})
        monkeypatch.setattr(train, "preflight_recipe", lambda recipe, name: answer)
        return pld(*arguments)

    return run


BAD = {"violations": ["too large"], "way_out": "Do this"}


def test_export_preflight_prints_the_report(answered):
    code, out, err = answered(report(), "export", "--preflight", "other")
    assert (code, out, err) == (0, report_text(report(recipe="other")) + "\n", "")


def test_export_preflight_gives_json_and_the_exit_code_of_a_refusal(answered):
    code, out, err = answered(report(**BAD), "export", "mine", "--preflight", "--json")
    assert (code, json.loads(out)) == (2, report(**BAD))
    assert err == "pld-tf: recipe mine does not fit: too large. Do this.\n"


def test_export_without_out_says_what_is_missing(answered):
    assert answered({}, "export", "run") == (
        2,
        "",
        "pld-tf: --out is missing: name the folder to write.\n",
    )


def test_export_alone_knows_no_recipe():
    alone = typer.Typer()
    alone.command()(export_command)
    ended = CliRunner().invoke(alone, ["mine", "--preflight"])
    assert "export alone knows no recipe" in str(ended.exception)
    brought = Brought(preflight=lambda name: report())
    assert "mine fits" in CliRunner().invoke(alone, ["mine", "--preflight"], obj=brought).stdout


def test_distill_stops_before_it_packs_the_data(answered, tmp_path, monkeypatch):
    monkeypatch.setenv("PLD_TF_CACHE", str(tmp_path / "cache"))
    tiny_run.write_recipe(tmp_path / "mine.toml", device={"ram_kb": 1})
    data = tiny_run.make_corpus(tmp_path / "tones")
    arguments = [tmp_path / "mine.toml", "-d", data, "-o", tmp_path / "run"]
    code, out, err = answered(report(**BAD), "distill", *arguments)
    assert (code, out) == (2, "")
    assert err == "pld-tf: recipe mine does not fit: too large. Do this.\n"
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "cache").exists()


# --- when it is due ---


def test_a_run_is_checked_once_for_each_device(tmp_path):
    from pld_tf.run.folder import is_preflight_due

    plain = tiny_run.make_recipe()
    small, large = (tiny_run.make_recipe(device={"ram_kb": kb}) for kb in (8, 16))
    run = tmp_path / "run"
    assert not is_preflight_due(plain, run)
    assert is_preflight_due(small, run)
    run.mkdir()
    begun = {
        "format": 2, "recipe_name": "tiny", "recipe": small.model_dump(mode="json"), "seed": 0,
        "data_key": "", "commit": None, "versions": {},
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(begun))
    assert not is_preflight_due(small, run)
    assert is_preflight_due(large, run)
    (run / "bundle").mkdir()
    (run / "bundle" / "bundle.json").write_text("{}")
    assert not is_preflight_due(large, run)


def test_another_device_goes_on_with_the_same_run():
    from pld_tf.run.folder import differences

    recipes = [tiny_run.make_recipe(device=device) for device in (None, {"ram_kb": 8})]
    assert differences(*recipes) == []


def test_the_device_decides_no_rung(tmp_path):
    from pld_tf.distill.ladder import Ladder

    recipes = [tiny_run.make_recipe(device=device) for device in (None, {"ram_kb": 8})]
    store = tiny_run.open_tiny(tmp_path, recipes[0])
    ladders = [Ladder(recipe=each, store=store, run_dir=tmp_path, seed=0) for each in recipes]
    for rung in (0, 1):
        assert ladders[0]._folder(rung, 0) == ladders[1]._folder(rung, 0)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ({"flash_kb": 0}, r"device\.flash_kb must be at least 1, got 0"),
        ({"ram_kb": "8"}, r"device\.ram_kb must be a whole number, got '8'"),
        ({"ram": 8}, r"unknown key 'device\.ram'; closest is 'device.ram_kb'"),
        ({"ops": "tflite"}, "device.ops must be 'tflm' or 'any'"),
        (8, "device must be a table, got 8"),
    ],
)
def test_a_wrong_device_is_refused_with_its_key(device, message):
    from pld_tf.errors import PldError

    with pytest.raises(PldError, match=message):
        tiny_run.make_recipe(device=device)


# --- through the converter ---


def write_student(recipe):
    from pld_tf.model_bundle.untrained import write_untrained

    return lambda folder, width: write_untrained(recipe, folder, width=width)


def test_a_layer_that_does_not_convert_is_named(monkeypatch):
    """Erf has no integer form, and TFLite none at all."""
    import tensorflow as tf
    import tf_keras

    from pld_tf import models
    from pld_tf.bridge.for_export import preflight_recipe

    class Odd(tf_keras.layers.Layer):
        def call(self, x):
            return tf.math.erf(x)

    def build(*, bins, classes, **_):
        features = tf_keras.Input((None, bins, 1))
        x = Odd(name="odd_one")(tf_keras.layers.Conv2D(4, 3)(features))
        x = tf_keras.layers.GlobalAveragePooling2D()(x)
        return tf_keras.Model(features, tf_keras.layers.Dense(classes)(x))

    monkeypatch.setattr(models, "build", build)
    with pytest.raises(ExportError, match=r"layer odd_one does not convert to int8 .*tf\.Erf"):
        require_fit(preflight_recipe(tiny_run.make_recipe(), "mine"))


def test_writing_an_untrained_student_changes_no_network_built_afterwards(tmp_path):
    recipe = tiny_run.make_recipe()
    store = tiny_run.open_tiny(tmp_path, recipe)
    before = tiny_run.rung_parts(recipe, store)["student"].get_weights()
    layers = write_student(recipe)(tmp_path / "student", 0.25)
    after = tiny_run.rung_parts(recipe, store)["student"].get_weights()
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    assert {"conv2d", "logits"} <= set(layers.values())


@pytest.mark.slow
def test_the_width_that_is_said_to_fit_does(tmp_path):
    from pld_tf.bridge.for_export import preflight_recipe

    device = {"flash_kb": 40, "ram_kb": 64}
    models = [{"family": "tc_resnet", "size": "8", "width": 1.0}]
    refused = preflight_recipe(tiny_run.make_recipe(device=device, models=models), "mine")
    assert len(refused["violations"]) == 1
    assert refused["violations"][0].startswith("the model takes 7")
    assert "in layer conv2d_9 (" in refused["violations"][0]
    key, _, width = refused["way_out"].partition(" would fit")[0].partition(" = ")
    assert key == "models.0.width"
    assert 0.5 < float(width) < 0.8
    models[0]["width"] = float(width)
    fits = preflight_recipe(tiny_run.make_recipe(device=device, models=models), "mine")
    assert fits["violations"] == []
    assert 0.7 * 40 * 1024 < fits["flash_bytes"] <= 40 * 1024


def one_of_each_student() -> list[str]:
    """Names of shipped recipes, one for each student and front end: a conversion takes long."""
    seen: dict[str, str] = {}
    for name in recipe_names():
        recipe = load_recipe(name)
        alike = (recipe.rung_model(recipe.rungs - 1), recipe.last_ms, recipe.features)
        seen.setdefault(repr(alike), name)
    return list(seen.values())


@pytest.mark.parametrize("name", sorted(set(recipe_names()) - {"paper", "smoke"}))
def test_every_shipped_recipe_names_a_device(name):
    assert load_recipe(name).device is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", one_of_each_student())
def test_every_shipped_student_fits_its_device_as_one_conversion_shows(name, pld, monkeypatch):
    conversions = []
    monkeypatch.setattr(
        preflight, "convert_all", lambda given: conversions.append(given) or convert_all(given)
    )
    code, out, _ = pld("export", "--preflight", name, "--json")
    assert (code, len(conversions)) == (0, 1)
    found = json.loads(out)
    assert found["violations"] == []
    assert found["macs"] > 0


@pytest.mark.slow
@pytest.mark.xdist_group("families")
@pytest.mark.parametrize(
    "name", ["ds_cnn", "tc_resnet 14", "res 15", "edgespeechnet", "bc_resnet", "bc_resnet_bn"]
)
def test_tensors_of_every_family_are_planned_as_tflm_does(name, family_models):
    """A dilated residual network has many tensors of one size: there the order of ties counts."""
    pytest.importorskip("tflite_micro", reason="needs the extra tflm")
    from firmware_harness.runtimes.tflm import arena_of_file

    path = family_models[name]
    arena, measured = plan_arena(read_graph(path)), arena_of_file(path)
    assert arena.tensor_bytes == measured["head_bytes"]
    # A device's structures are smaller: its pointers take 4 bytes, not 8.
    assert 0.6 < arena.fixed_bytes / measured["tail_bytes"] < 1.0
