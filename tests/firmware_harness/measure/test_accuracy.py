import dataclasses

import numpy as np
import pytest
from places import GOLDEN

from firmware_harness.bundle.read import read_tflite
from firmware_harness.errors import HarnessError
from firmware_harness.measure.accuracy import Examples, measure_accuracy
from firmware_harness.runtimes.interpreter import Model

CROPS = 40


@pytest.fixture(scope="module")
def models():
    return {
        "int8": Model(read_tflite(GOLDEN / "int8.tflite"), resolver="reference"),
        "float": Model(read_tflite(GOLDEN / "float.tflite"), resolver="reference"),
    }


@pytest.fixture(scope="module")
def features():
    return np.random.default_rng(8).standard_normal((CROPS, 6, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def float_classes(models, features):
    """By another way than the code under test: the float model, crop by crop."""
    return np.array([models["float"].run([crop.reshape(1, 6, 4, 1)]).argmax() for crop in features])


def examples(features, labels, clips=None, protocol="loudest"):
    count = len(features) if clips is None else clips
    return Examples(features=features, labels=labels, protocol=protocol, clips=count)


def test_the_float_model_is_right_on_its_own_classes_and_int8_as_often_as_they_agree(
    models, features, float_classes
):
    found = measure_accuracy(models, examples(features, float_classes))
    assert found["float"] == 1
    assert found["int8"] == found["agreement"]
    assert 0.8 < found["agreement"] <= 1


def test_accuracy_is_the_share_of_right_labels(models, features, float_classes):
    labels = float_classes.copy()
    labels[:10] = (labels[:10] + 1) % 3
    assert measure_accuracy(models, examples(features, labels))["float"] == 0.75


def test_the_report_says_what_was_measured(models, features, float_classes):
    found = measure_accuracy(models, examples(features, float_classes, 20, "random"))
    assert (found["protocol"], found["clips"], found["crops"]) == ("random", 20, CROPS)
    assert found["intervals"]["float"] == pytest.approx([1 / (1 + 1.959964**2 / 20), 1])


def test_int8_logits_lie_within_a_few_output_steps(models, features, float_classes):
    found = measure_accuracy(models, examples(features, float_classes))
    int8, plain = models["int8"], models["float"]
    info = int8.inputs[0]
    largest = 0.0
    for crop in features.reshape(-1, 1, 6, 4, 1):
        stored = np.clip(np.rint(crop / info.scale) + info.zero_point, -128, 127)
        scores = int8.run([stored.astype(np.int8)]).astype(float)
        output = int8.outputs[0]
        steps = scores - output.zero_point - plain.run([crop]) / output.scale
        largest = max(largest, np.abs(steps).max())
    assert found["max_logit_difference_steps"] == pytest.approx(largest, abs=1e-3)
    assert found["max_logit_difference_steps"] > 0


def test_one_model_alone_has_no_agreement(models, features, float_classes):
    found = measure_accuracy({"float": models["float"]}, examples(features, float_classes))
    assert found["float"] == 1
    assert {"int8", "agreement", "max_logit_difference_steps"}.isdisjoint(found)


def test_a_last_axis_of_one_channel_changes_nothing(models, features, float_classes):
    flat = measure_accuracy(models, examples(features, float_classes))
    assert measure_accuracy(models, examples(features[..., None], float_classes)) == flat


def test_progress_counts_the_crops_of_all_models(models, features, float_classes):
    seen = []
    measure_accuracy(
        models, examples(features, float_classes), progress=lambda *step: seen.append(step)
    )
    assert seen == [("accuracy", i, 2 * CROPS) for i in range(1, 2 * CROPS + 1)]


def test_features_of_another_size_are_refused(models, features, float_classes):
    with pytest.raises(HarnessError, match=r"first \[1, 6, 4, 1\], but a crop's features are"):
        measure_accuracy(models, examples(features.reshape(CROPS, 4, 6), float_classes))


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_the_model_does_not_know_is_refused(models, features, label):
    labels = np.full(CROPS, 1)
    labels[7] = label
    with pytest.raises(HarnessError, match="knows classes 0 to 2, but the labels go from"):
        measure_accuracy(models, examples(features, labels))


def test_logits_that_are_not_finite_are_refused(models, features, float_classes):
    huge = np.where(features > 0, np.float32(3e38), np.float32(-3e38))
    with pytest.raises(HarnessError, match=r"float\.tflite gives logits that are not finite"):
        measure_accuracy({"float": models["float"]}, examples(huge, float_classes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": np.zeros((2, 6, 4))}, "features must be float32"),
        ({"features": np.zeros((2, 24), np.float32)}, r"got float32 of shape \[2, 24\]"),
        ({"features": np.zeros((2, 6, 4, 2), np.float32)}, r"shape \[2, 6, 4, 2\]"),
        ({"features": np.full((2, 6, 4), np.nan, np.float32)}, "crop 0 are not finite"),
        ({"labels": np.zeros(3, int)}, "one integer for each of the 2 crops"),
        ({"labels": np.zeros(2)}, "got float64"),
        ({"clips": 3}, r"number of crops \(2\), got 3"),
        ({"clips": 0}, "got 0"),
        (
            {"features": np.zeros((3, 6, 4), np.float32), "labels": np.zeros(3, int)},
            "got 3 crops of 2 clips",
        ),
    ],
)
def test_examples_that_do_not_fit_together_are_refused(changes, message):
    whole = {
        "features": np.zeros((2, 6, 4), np.float32),
        "labels": np.zeros(2, int),
        "protocol": "centre",
        "clips": 2,
    }
    with pytest.raises(HarnessError, match=message):
        Examples(**{**whole, **changes})


def test_sliding_crops_of_a_clip_decide_together(models, features):
    whole = examples(features, np.zeros(len(features), int), clips=CROPS // 4, protocol="sliding")
    found = measure_accuracy({"float": models["float"]}, whole)
    assert (found["crops"], found["decisions"]) == (CROPS, CROPS // 4)
    probabilities = []
    for crop in features:
        logits = models["float"].run([crop.reshape(1, 6, 4, 1)]).ravel().astype(np.float64)
        probabilities.append(np.exp(logits) / np.exp(logits).sum())
    means = [np.mean(probabilities[i : i + 4], axis=0) for i in range(0, CROPS, 4)]
    assert found["float"] == np.mean([mean.argmax() == 0 for mean in means])


@pytest.mark.parametrize("end", ["inputs", "outputs"])
@pytest.mark.parametrize("changes", [{"scale": 0.0}, {"dtype": "int32"}])
def test_integers_without_one_scale_are_refused(features, float_classes, end, changes):
    model = Model(read_tflite(GOLDEN / "int8.tflite"), resolver="reference")
    setattr(model, end, (dataclasses.replace(getattr(model, end)[0], **changes),))
    message = f"model's {end.removesuffix('s')} must be float32, or .* with one scale; got"
    with pytest.raises(HarnessError, match=message):
        measure_accuracy({"int8": model}, examples(features, float_classes))
