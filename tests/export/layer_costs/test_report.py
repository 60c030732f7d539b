"""What quantization costs: numbers worked by hand, and a layer quantized badly on purpose."""

from pathlib import Path

import numpy as np
import pytest
import tiny_bundle
import tiny_twins
from tiny_twins import Dense, three_layers

from export.errors import ExportError
from export.layer_costs import report as layer_report_module
from export.layer_costs.match import match
from export.layer_costs.report import layer_report
from export.layer_costs.tensors import Noise, Scales, decibels
from export.layer_costs.text import costs_most, layers_text
from export.tflite import interpreter
from export.tflite.facts import inspect
from export.tflite.graph import read_graph
from export.tflite.quantization import dequantize, quantize

CROPS = tiny_twins.crops(40)


def scales(*values: float, dtype: str = "int8", axis: int = 0) -> Scales:
    """With the zero point of each channel at its number."""
    return Scales(
        dtype=dtype,
        scales=np.float32(values),
        zero_points=np.arange(len(values), dtype=np.int32),
        axis=axis,
    )


# --- tensors ---


def test_stored_numbers_stand_for_their_distance_from_the_zero_point_of_their_channel():
    stored = np.int8([[2, 2], [2, 2]])
    assert scales(0.5, 4.0, axis=0).values(stored).tolist() == [[1, 1], [4, 4]]
    assert scales(0.5, 4.0, axis=1).values(stored).tolist() == [[1, 4], [1, 4]]


def test_a_tensor_holds_what_its_widest_channel_does():
    assert scales(0.5, 4.0).holds() == (-129 * 4.0, 126 * 4.0)
    assert scales(0.5, dtype="int16").holds() == (-16384.0, 16383.5)


def test_a_value_is_clipped_where_it_lies_more_than_half_a_step_outside():
    held, lost = [-64.25, 63.75], [-64.26, 63.76]
    assert scales(0.5).clipped(np.float64(held)) == 0
    assert scales(0.5).clipped(np.float64(held + lost)) == 2


def test_each_channel_clips_at_its_own_ends():
    """127 steps of 0.5 are 63.5; the zero point of the second channel is 1, so 126 of 1 are 126."""
    both = np.float64([[100, 100], [200, 200]])
    assert scales(0.5, 1.0, axis=1).clipped(both) == 3
    assert scales(0.5, 1.0, axis=0).clipped(both) == 4


def noise_of(floating: np.ndarray, stored: np.ndarray, given: Scales) -> dict:
    noise = Noise(given)
    noise.add(floating, stored)
    return noise.to_dict()


def test_noise_is_worked_by_hand():
    """Stands for 1.5 and -2 where 1 and -2 should be: signal 1 + 4, noise 0.25."""
    found = noise_of(np.float32([[1.0, -2.0]]), np.int8([3, -4]), scales(0.5))
    assert found == {
        "dtype": "int8", "range": [-2.0, 1.0], "holds": [-64.0, 63.5], "scale": 0.5, "channels": 1,
        "clipped": 0.0, "snr_db": decibels(5.0, 0.25), "worst_channel_snr_db": None,
    }  # fmt: skip
    assert found["snr_db"] == pytest.approx(13.0103, abs=1e-4)


def test_noise_of_several_crops_is_that_of_all_their_values():
    noise = Noise(scales(0.5))
    noise.add(np.float32([1.0, 70.0]), np.int8([3, 127]))
    noise.add(np.float32([-2.0, 0.0]), np.int8([-4, 0]))
    found = noise.to_dict()
    assert (found["range"], found["clipped"]) == ([-2.0, 70.0], 0.25)
    assert found["snr_db"] == decibels(1 + 4900 + 4, 0.25 + 6.5**2)


def test_the_worst_channel_has_the_least_signal_to_noise():
    """The first channel loses 0.5 of 1, the second 1 of 100: 6 dB against 40."""
    found = noise_of(np.float32([1, 100]), np.int8([1, 100]), scales(0.5, 1.0))
    assert found["worst_channel_snr_db"] == pytest.approx(20 * np.log10(2))
    assert found["scale"] == 1.0


def test_what_is_stored_exactly_has_no_noise():
    assert noise_of(np.float32([1.0]), np.int8([2]), scales(0.5))["snr_db"] is None


# --- a model of three layers ---


def write_twins(folder: Path, layers: tuple[Dense, ...]) -> tuple[Path, Path]:
    model, float_model = folder / "model.tflite", folder / "model_float.tflite"
    model.write_bytes(tiny_twins.int8_model(layers))
    float_model.write_bytes(tiny_twins.float_model(layers))
    return model, float_model


def report_on(folder: Path, layers: tuple[Dense, ...], labels: np.ndarray | None = None) -> dict:
    model, float_model = write_twins(folder, layers)
    if labels is None:
        labels = tiny_twins.logits(layers, CROPS).argmax(axis=1).astype(np.int32)
    return layer_report(model, float_model=float_model, features=CROPS, labels=labels)


GOOD, BAD = three_layers(), three_layers(middle=8.0)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict:
    return report_on(tmp_path_factory.mktemp("good"), GOOD)


@pytest.fixture(scope="module")
def bad(tmp_path_factory) -> dict:
    return report_on(tmp_path_factory.mktemp("bad"), BAD)


def test_a_layer_that_is_quantized_badly_is_named_as_the_one_that_costs_most(bad):
    assert bad["layers"][0]["layer"] == "middle"
    assert costs_most(bad).startswith("middle (FULLY_CONNECTED) costs most: rounded alone it flips")


def test_its_tensor_stands_first_because_it_has_the_worst_signal_to_noise(bad):
    first = bad["tensors"][0]
    assert (first["layer"], first["what"], first["scale"]) == ("middle", "output", 8.0)
    ratios = [entry["snr_db"] for entry in bad["tensors"]]
    assert ratios == sorted(ratios)


def test_other_layers_cost_what_they_do_without_it(good, bad):
    costs = [
        {each["layer"]: each["divergence"] for each in report["layers"]} for report in (good, bad)
    ]
    for name in ("first", "logits", "input"):
        assert costs[0][name] == costs[1][name]
    assert costs[1]["middle"] > 20 * costs[0]["middle"]


@pytest.mark.parametrize("name", ["input", "first", "middle", "logits"])
def test_a_layers_cost_is_that_of_its_rounding_alone_in_numpy(bad, name):
    exact, rounded = (
        tiny_twins.logits(BAD, CROPS, rounded=names).astype(np.float64) for names in ((), (name,))
    )
    (found,) = [each for each in bad["layers"] if each["layer"] == name]
    assert found["divergence"] == pytest.approx(divergence(exact, rounded), rel=1e-3, abs=1e-7)
    flipped = exact.argmax(axis=1) != rounded.argmax(axis=1)
    assert found["flipped"] == flipped.sum()
    assert found["accuracy_lost"] == flipped.mean()  # its own classes are the labels


def divergence(exact: np.ndarray, other: np.ndarray) -> float:
    """Mean Kullback-Leibler divergence in nats, by its definition."""
    p, q = (np.exp(each) / np.exp(each).sum(axis=1, keepdims=True) for each in (exact, other))
    return float((p * np.log(p / q)).sum(axis=1).mean())


def test_all_layers_are_rounded_together_as_in_numpy(bad):
    every = ("input", "first", "middle", "logits")
    exact, rounded = (
        tiny_twins.logits(BAD, CROPS, rounded=names).astype(np.float64) for names in ((), every)
    )
    expected = divergence(exact, rounded)
    assert bad["all_layers"]["divergence"] == pytest.approx(expected, rel=1e-3)


def test_the_models_own_cost_is_that_of_its_integers(bad, tmp_path):
    model, float_model = write_twins(tmp_path, BAD)
    info = inspect(model)
    stored = interpreter.run(model, quantize(CROPS, info.input), resolver=interpreter.GOLDEN)
    exact = interpreter.run(float_model, CROPS, resolver=interpreter.FAST)
    found = dequantize(stored, info.output)
    flipped = int((found.argmax(axis=1) != exact.argmax(axis=1)).sum())
    assert bad["model"]["flipped"] == flipped > 0
    expected = divergence(exact.astype(np.float64), found.astype(np.float64))
    assert bad["model"]["divergence"] == pytest.approx(expected, rel=1e-3)


def test_accuracy_lost_counts_labels_and_may_be_gained(tmp_path):
    """Labels that only the rounded layer gives: the float model has none of them right."""
    exact, rounded = (tiny_twins.logits(BAD, CROPS, rounded=names) for names in ((), ("middle",)))
    classes, others = exact.argmax(axis=1), rounded.argmax(axis=1)
    labels = np.where(classes == others, (classes + 1) % 4, others).astype(np.int32)
    found = report_on(tmp_path, BAD, labels)["layers"][0]
    assert found["accuracy_lost"] == -found["flipped"] / 40 < 0


def test_a_tensors_range_is_the_float_models_and_its_scale_the_integer_models(good):
    (last,) = [
        each for each in good["tensors"] if (each["layer"], each["what"]) == ("logits", "output")
    ]
    exact = tiny_twins.logits(GOOD, CROPS)
    assert last["range"] == pytest.approx([exact.min(), exact.max()])
    assert last["scale"] == pytest.approx(GOOD[-1].scale)


def test_many_crops_are_thinned_evenly(tmp_path, monkeypatch):
    monkeypatch.setattr(layer_report_module, "MAX_CROPS", 10)
    thinned = report_on(tmp_path, BAD)
    assert thinned["crops"] == 10
    exact, rounded = (
        tiny_twins.logits(BAD, CROPS[::4], rounded=names).astype(np.float64)
        for names in ((), ("middle",))
    )
    expected = divergence(exact, rounded)
    assert thinned["layers"][0]["divergence"] == pytest.approx(expected, rel=1e-3)


def test_models_without_a_layer_in_common_are_refused(tmp_path):
    _, float_model = write_twins(tmp_path, GOOD)
    other = tmp_path / "other.tflite"
    wider = Dense(name="wider", weights=np.ones((5, 120), np.float32), weight_scale=1.0, scale=1.0)
    other.write_bytes(tiny_twins.int8_model([wider]))
    with pytest.raises(ExportError, match=r"no layer of model_float\.tflite is one of .*other"):
        layer_report(other, float_model=float_model, features=CROPS, labels=np.zeros(40, np.int32))


# --- told ---


def test_people_read_two_tables_and_the_layer_that_costs_most(bad):
    lines = layers_text(bad).splitlines()
    assert lines[0] == "Each tensor between float and integer, on 40 validation crops:"
    assert lines[1].split() == [
        "layer", "operator", "tensor", "range", "holds", "scale", "clipped", "SNR", "worst",
    ]  # fmt: skip
    assert lines[2].split()[:3] == ["middle", "FULLY_CONNECTED", "output"]
    second = lines.index("Each layer rounded alone, the others in float:")
    assert [line.split("  ")[0] for line in lines[second + 2 : -2]] == [
        "middle", *(each["layer"] for each in bad["layers"][1:]), "all of them", "the model",
    ]  # fmt: skip
    assert lines[-1] == costs_most(bad)


def test_a_layer_without_a_twin_is_told(bad):
    report = bad | {"unmatched": ["Erf_1"]}
    assert "Erf_1: not compared, it has no twin" in layers_text(report).splitlines()


def test_the_input_has_no_operator_to_tell(bad):
    only = [each for each in bad["layers"] if each["layer"] == "input"]
    assert costs_most(bad | {"layers": only}).startswith("input costs most: ")


# --- through the converter ---


def spoiled():
    """A network whose pointwise convolution has one channel a thousand times the others.

    The layer after it takes a thousandth of that channel, so that the network computes the same.
    """
    from tf_keras import Input, Model, layers

    from pld_tf.models.seeding import set_seed

    set_seed(0)
    x = features = Input((None, tiny_bundle.BINS, 1))
    for number in range(3):
        x = layers.Conv2D(8, 1 if number == 1 else 3, activation="relu", padding="same")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = Model(features, layers.Dense(tiny_bundle.CLASSES)(x))
    _, _, spoilt, after, *_ = model.layers
    kernel, bias = spoilt.get_weights()
    factors = np.float32([1000] + 7 * [1])
    spoilt.set_weights([kernel * factors, bias + factors / 10])
    kernel, bias = after.get_weights()
    after.set_weights([kernel / factors[:, None], bias])
    return model


@pytest.mark.slow
def test_of_a_converted_network_the_spoiled_layer_is_named(tmp_path):
    from export.convert import converter
    from pld_tf.model_bundle.freeze import freeze, save_model
    from pld_tf.system.files import write_npz

    crops = tiny_bundle.arrays()["representative"]
    save_model(freeze(spoiled(), frames=12, bins=10), tmp_path / "saved_model")
    write_npz(tmp_path / "some.npz", features=crops)
    paths = {kind: tmp_path / f"{kind}.tflite" for kind in ("int8", "float")}
    converter.convert(
        saved_model=tmp_path / "saved_model",
        representative=tmp_path / "some.npz",
        outputs=paths,
    )
    labels = interpreter.run(paths["float"], crops, resolver=interpreter.FAST).argmax(axis=1)
    report = layer_report(
        paths["int8"],
        float_model=paths["float"],
        features=crops,
        labels=labels.astype(np.int32),
    )
    floating, integer = (read_graph(paths[kind]) for kind in ("float", "int8"))
    layers, unmatched = match(floating, integer)
    assert [layer.name for layer in layers[:3]] == ["Conv2D_1", "Conv2D_2", "Conv2D_3"]
    assert unmatched == ()
    assert report["layers"][0]["layer"] == "Conv2D_2"
    assert report["layers"][0]["divergence"] > 10 * report["layers"][1]["divergence"]
