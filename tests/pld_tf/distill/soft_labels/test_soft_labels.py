"""Stored labels teach what their teachers would say."""

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tiny_run
from tiny_run import SMALL
from tiny_soft_labels import (
    CROPS,
    VERSIONS,
    make_recipe,
    stored_in,
    teachers_of,
    telling_teacher,
    training_data,
)

from pld_tf.data.batches.pipeline import training_batches
from pld_tf.data.batches.training_data import TrainingData
from pld_tf.distill.ladder import Ladder
from pld_tf.distill.soft_labels.files import SoftLabelFiles
from pld_tf.distill.soft_labels.store import StoredLabels
from pld_tf.distill.step.mixup import mixed
from pld_tf.distill.step.teachers import Teachers
from pld_tf.distill.step.trainer import Trainer
from pld_tf.errors import PldError

EPOCHS = VERSIONS + 1  # the first version comes up again
# No logit of a telling teacher lies 16 below its crop's highest, so float16, with a mantissa of 10
# bits, moves none by more than half of 2^(3-10). Its float32 sums vary with the order of terms.
DEEPEST = 16.0
ROUNDING = 2.0**-8 + 1e-4
FILES = "*/version-*.npz"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_run.open_tiny(tmp_path_factory.mktemp("soft"), tiny_run.make_recipe())


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory):
    """(root, what is stored there) of the recipe without changes. Read-only."""
    root = tmp_path_factory.mktemp("whole")
    recipe = make_recipe()
    return root, stored_in(root, recipe, training_data(recipe, store))


def batches(data: TrainingData, *, epochs: int) -> Iterator[tuple[tf.Tensor, dict]]:
    """(step, batch) of each step."""
    found = training_batches(data, first_epoch=0, epochs=epochs)
    return ((tf.constant(step, tf.int64), batch) for step, batch in enumerate(found))


def centred(logits: tf.Tensor) -> np.ndarray:
    """As a softmax sees them: without what all logits of a crop have in common."""
    return (logits - tf.reduce_max(logits, axis=1, keepdims=True)).numpy()


@pytest.mark.parametrize(
    ("hears", "echo_epochs"),
    [
        ("blend", 1),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in [("padded_crop", 1), ("clip", 1), ("crop", 2), ("blend", 3)]
        ),
    ],
)
def test_every_crop_of_every_epoch_gets_what_its_teacher_says_of_it(
    store, tmp_path, hears, echo_epochs
):
    recipe = make_recipe(
        teacher_input=hears, echo_epochs=echo_epochs, input_lengths_ms=[1000, 700, 500]
    )
    data = training_data(recipe, store)
    teachers = teachers_of(recipe, data)
    stored = stored_in(tmp_path, recipe, data, epochs=EPOCHS)
    seen = []
    pairs = zip(batches(data, epochs=EPOCHS), batches(stored.data, epochs=EPOCHS), strict=True)
    for (step, online), (_, batch) in pairs:
        np.testing.assert_array_equal(online["features"], batch["features"])
        assert not {"teacher", "held"} & batch.keys()
        expected = centred(teachers.logits(online, step))
        assert expected.min() > -DEEPEST
        came = stored.labels.logits(batch, step)
        np.testing.assert_allclose(came, expected, rtol=0, atol=ROUNDING)
        seen.append(expected)
    # Labels of another crop, clip or version would be told from the right ones.
    once = np.concatenate(seen[: VERSIONS * data.steps_per_epoch])
    apart = np.abs(once[:, None] - once[None]).max(axis=-1)
    assert np.median(apart) > 20 * ROUNDING


@pytest.mark.parametrize("ensemble", ["mean", "switch"])
def test_several_teachers_are_stored_as_they_would_teach(store, tmp_path, ensemble):
    recipe = make_recipe(ensemble=ensemble)
    data = training_data(recipe, store)
    models = telling_teacher(), telling_teacher(factor=-2.0)
    teachers = teachers_of(recipe, data, *models)
    stored = stored_in(tmp_path, recipe, data, *models)
    for step, batch in batches(data, epochs=VERSIONS):
        expected = centred(teachers.logits(batch, step))
        came = stored.labels.logits(batch, step)
        np.testing.assert_allclose(came, expected, rtol=0, atol=ROUNDING)


def losses(recipe, store, data: TrainingData, teachers: Teachers) -> np.ndarray:
    student = tiny_run.rung_parts(recipe, store, number=1)["student"]
    trainer = Trainer(recipe=recipe, data=data, student=student, teachers=teachers, epochs=EPOCHS)
    found = iter(training_batches(data, first_epoch=0, epochs=EPOCHS))
    values, _ = trainer.steps(found, tf.constant(EPOCHS * data.steps_per_epoch))
    return values.numpy()


@pytest.mark.slow
def test_online_and_stored_labels_give_the_same_losses(store, whole):
    """The slope of the loss at logit z, 0 or below, is temperature * p * (r - mean of r).

    Here r, a log ratio of probabilities, spans less than 10; p is at most exp(z / 2) and rounding
    moves z by at most 2^-11 |z|: together 2 * 10 * 2^-11 * 2 / e for each of 3 logits.
    """
    recipe = make_recipe(**SMALL, hard_weight=0.0, learning_rate=1e-4)
    data = training_data(recipe, store)
    _, stored = whole
    online = losses(recipe, store, data, teachers_of(recipe, data))
    np.testing.assert_allclose(
        losses(recipe, store, stored.data, stored.labels), online, rtol=0, atol=0.02
    )
    assert np.ptp(online) > 0.1  # another step's labels would show


def test_a_blended_pair_gets_the_blend_of_its_crops_probabilities(whole):
    _, stored = whole
    step, batch = next(batches(stored.data, epochs=1))
    pair = mixed(batch, alpha=0.4, seed=0, step=step)
    # The tiny recipe's temperature is 2.
    alone = tf.nn.softmax(stored.labels.logits(batch, step) / 2).numpy()
    own = pair["own_share"].numpy()[:, None]
    came = tf.nn.softmax(stored.labels.logits(pair, step) / 2)
    np.testing.assert_allclose(
        came, own * alone + (1 - own) * np.roll(alone, -1, axis=0), atol=1e-5
    )


def test_a_clip_that_a_version_does_not_hold_has_no_label(store, tmp_path):
    recipe = make_recipe(unknown=0.5)
    stored = stored_in(tmp_path, recipe, training_data(recipe, store))
    (path,) = tmp_path.glob("*/version-0000.npz")
    drawn = np.load(path, allow_pickle=False)["clip"]
    left_out = min(set(range(len(stored.data.index))) - set(drawn.tolist()))
    batch = {"clip": tf.constant([left_out, drawn[0]], tf.int64)}
    logits = stored.labels.logits(batch, tf.constant(0, tf.int64)).numpy()
    assert np.isnan(logits[0]).all()
    assert np.isfinite(logits[1]).all()


def test_a_version_holds_the_crops_that_its_epoch_cuts(store, tmp_path):
    recipe = make_recipe(input_lengths_ms=[1000, 700, 500])
    data = training_data(recipe, store)
    stored_in(tmp_path, recipe, data)
    found = list(training_batches(replace(data, tells_crops=True), first_epoch=1, epochs=2))
    (path,) = tmp_path.glob("*/version-0001.npz")
    columns = np.load(path, allow_pickle=False)
    for name, key in (("clip", "clip"), ("start_samples", "start"), ("length_samples", "length")):
        np.testing.assert_array_equal(columns[name], np.concatenate([b[key] for b in found]))
    assert set(columns["length_samples"].tolist()) <= {2800, 2000}
    assert columns["logits"].max(axis=1).tolist() == [0.0] * CROPS


@pytest.mark.slow
def test_the_same_seed_stores_the_same_bytes_and_a_stop_changes_none(store, whole, tmp_path):
    recipe = make_recipe()
    data = training_data(recipe, store)

    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done > total // 2:  # amid the second version
            raise Stopped

    with pytest.raises(Stopped):
        stored_in(tmp_path, recipe, data, advance=stop)
    assert len(tiny_run.file_bytes(tmp_path, FILES)) == 1
    heard: list[int] = []
    resumed = stored_in(tmp_path, recipe, data, advance=lambda done, total: heard.append(done))
    root, _ = whole
    assert tiny_run.file_bytes(tmp_path, "*/*") == tiny_run.file_bytes(root, "*/*")
    assert heard[0] == CROPS + recipe.training.batch_size
    assert (resumed.made, resumed.crops) == (CROPS, 2 * CROPS)


def test_a_store_that_is_whole_is_read_and_no_teacher_runs(store, whole, monkeypatch):
    root, first = whole
    assert first.figures()["crops_made"] == first.crops
    monkeypatch.setattr(Teachers, "logits", lambda self, batch, step: pytest.fail("taught"))
    recipe = make_recipe()
    again = stored_in(root, recipe, training_data(recipe, store))
    assert again.figures() | {"seconds": 0} == {
        "versions": VERSIONS,
        "crops": VERSIONS * CROPS,
        "bytes": sum(path.stat().st_size for path in root.glob(FILES)),
        "crops_made": 0,
        "seconds": 0,
        "crops_per_second": None,
    }


def test_a_version_that_no_epoch_reaches_is_made_when_one_does(store, tmp_path):
    recipe = make_recipe(per_clip=3)
    data = training_data(recipe, store)
    assert stored_in(tmp_path, recipe, data, epochs=1).versions == 1
    more = stored_in(tmp_path, recipe, data, epochs=9)
    assert (more.versions, more.made) == (3, 2 * CROPS)


def test_a_teacher_that_scores_nothing_finite_is_refused(store, tmp_path):
    recipe = make_recipe()
    with pytest.raises(PldError, match=r"expected finite logits .* for a crop of [\w(]+"):
        stored_in(tmp_path, recipe, training_data(recipe, store), telling_teacher(factor=1e38))
    assert not tiny_run.file_bytes(tmp_path, FILES)


def test_labels_of_crops_that_are_cut_otherwise_now_are_refused(store, whole, monkeypatch):
    read = SoftLabelFiles.read

    def shifted(self, version: int) -> dict[str, np.ndarray]:
        columns = read(self, version)
        return columns | {"start_samples": columns["start_samples"] + 1}

    monkeypatch.setattr(SoftLabelFiles, "read", shifted)
    recipe = make_recipe()
    with pytest.raises(PldError, match=r"labels of other crops: expected start_samples -?\d+ of"):
        stored_in(whole[0], recipe, training_data(recipe, store))


@pytest.mark.slow
def test_a_ladder_learns_from_stored_labels_and_tells_their_size(store, tmp_path, monkeypatch):
    taught = []
    logits = StoredLabels.logits
    monkeypatch.setattr(
        StoredLabels, "logits", lambda self, *given: taught.append(self) or logits(self, *given)
    )
    results: list = []
    recipe = make_recipe(**SMALL, epochs=[1, 3], teacher_input="clip")
    Ladder(recipe=recipe, store=store, run_dir=tmp_path, seed=0).climb(results.append)
    assert taught
    assert results[0].metrics["soft_labels"] is None
    figures = results[1].metrics["soft_labels"]
    assert figures["crops"] == figures["crops_made"] == VERSIONS * CROPS
    assert figures["bytes"] == sum(p.stat().st_size for p in tmp_path.glob(f"soft_labels/{FILES}"))
    assert figures["crops_per_second"] > 0
    assert np.isfinite([epoch["loss"] for epoch in results[1].metrics["history"]]).all()
    (header,) = tmp_path.glob("soft_labels/*/header.json")
    words = json.loads(header.read_text("utf-8"))["words"]
    assert words == {"one": "one", "three": "unknown", "two": "two"}
