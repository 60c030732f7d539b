"""The last student finished in several ways: what is made, kept, refused."""

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tiny_run

from export.model_bundle.read import read_bundle
from pld_tf.distill import rung as rung_module
from pld_tf.distill.finish import finish as finish_module
from pld_tf.distill.ladder import Ladder
from pld_tf.distill.rung import Progressed, Rung
from pld_tf.errors import PldError
from pld_tf.recipe.load import load_recipe
from pld_tf.run.train import distill

WAYS = ["qat", "qat_distilled", "pruned", "clustered"]


pytestmark = pytest.mark.usefixtures("tiny_cache")


@pytest.fixture
def run_dir(tiny, tmp_path) -> Path:
    """A copy of the finished tiny run."""
    return shutil.copytree(tiny / "run", tmp_path / "run")


def run(tiny: Path, run_dir: Path, **changes) -> list[str]:
    said: list[str] = []
    distill(
        recipe=tiny_run.make_recipe(**changes),
        recipe_name="tiny",
        data=tiny / "tones",
        run_dir=run_dir,
        seed=0,
        skip_bad=False,
        say=said.append,
    )
    return said


def ways(*names: str, epochs: int = 1, **keys) -> dict:
    return {"finish": {"ways": list(names), "epochs": epochs, **keys}}


# All ways, named in another order than they are taken in.
ALL_WAYS = ways(*reversed(WAYS), epochs=5, learning_rate_factor=0.25)


def clustered(**keys) -> dict:
    """As `ALL_WAYS` finished this one, but for `keys`."""
    return ways("clustered", epochs=5, **({"learning_rate_factor": 0.25} | keys))


def forbid(monkeypatch, target: object, name: str) -> None:
    def fail(*_, **__):
        raise AssertionError(f"{name} was called")

    monkeypatch.setattr(target, name, fail)


# --- recipes ---


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["finish.ways=['qat', 'qat']"], "finish.ways must name each way once, 'qat' stands twice"),
        (
            ["finish.ways=['squeezed']"],
            r"finish\.ways\.0 must be 'qat', 'qat_distilled', 'pruned' or 'clust",
        ),
        (["finish.ways=qat"], "finish.ways must be a list, got 'qat'"),
        (
            [
                "ladder.input_lengths_ms=[500]",
                "finish.ways=['qat_distilled']",
                "finish.teacher=rung",
            ],
            "finish.teacher = 'rung' needs a teacher, .* one rung",
        ),
        (["finish.teacher=me"], "finish.teacher must be 'student' or 'rung', got 'me'"),
        (["finish.epochs=0"], "finish.epochs must be at least 1, got 0"),
        (
            ["finish.learning_rate_factor=1.5"],
            r"finish.learning_rate_factor must be at most 1, got 1\.5",
        ),
        (["finish.prune_sparsity=1"], "prune_sparsity must be below 1, got 1"),
        (["finish.cluster_count=1"], "cluster_count must be at least 2, got 1"),
    ],
)
def test_a_wrong_way_to_finish_is_refused_in_one_line(overrides, message):
    with pytest.raises(PldError, match=message) as refused:
        load_recipe("smoke", overrides)
    assert "\n" not in str(refused.value)


def test_nothing_is_finished_unless_asked_for():
    assert load_recipe("smoke").finish.ways == []


# --- what is trained ---


class Instant:
    """A training that keeps its first weights; `given` has what it was made of."""

    given: list[dict]

    def __init__(self, **parts) -> None:
        self._weights = parts["student"].get_weights()
        Instant.given.append(parts)

    def fit(self, advance) -> Progressed:
        return Progressed(epoch=1, best_epoch=0, best_accuracy=0.5, best_weights=self._weights)


@pytest.fixture
def instant(monkeypatch) -> list[dict]:
    Instant.given = []
    monkeypatch.setattr(finish_module, "Rung", Instant)
    return Instant.given


class AtOnce(NamedTuple):
    """A run that was finished in `ALL_WAYS`, nothing trained.

    Attributes:
      run_dir: read-only.
      said: all lines.
      trainings: what the training of each way is made of, by its name.
    """

    run_dir: Path
    said: list[str]
    trainings: dict[str, dict]


@pytest.fixture(scope="module")
def at_once(tiny, tmp_path_factory) -> AtOnce:
    run_dir = shutil.copytree(tiny / "run", tmp_path_factory.mktemp("at_once") / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLD_TF_CACHE", str(tiny / "cache"))
        patch.setattr(Instant, "given", [], raising=False)
        patch.setattr(finish_module, "Rung", Instant)
        forbid(patch, Ladder, "_train")
        said = run(tiny, run_dir, **ALL_WAYS)
        return AtOnce(run_dir, said, dict(zip(WAYS, Instant.given, strict=True)))


@pytest.fixture
def trainings(at_once) -> dict[str, dict]:
    return at_once.trainings


@pytest.fixture
def finished_dir(at_once, tmp_path) -> Path:
    """A copy of that run."""
    return shutil.copytree(at_once.run_dir, tmp_path / "run")


@pytest.mark.slow
def test_a_finished_run_can_be_finished_later_and_its_rungs_stay_as_they_are(tiny, at_once):
    before, after = (
        tiny_run.file_bytes(folder, "**/*.*") for folder in (tiny / "run", at_once.run_dir)
    )
    assert after | before == after
    accuracy = json.loads(next(at_once.run_dir.glob("rungs/1-*/metrics.json")).read_text())
    finished = [line for line in at_once.said if line.startswith("finish ")]
    assert finished[2] == (
        "finish pruned (500 ms): student 50.0 %, before "
        f"{100 * accuracy['student_accuracy']:.1f} % on 16 validation clips (loudest), epoch 1 "
        "of 1"
    )
    assert finished[3].startswith("finish clustered (500 ms): ")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pruned", "clustered"])
def test_a_finished_student_goes_on_learning_from_the_teachers_of_its_rung(tiny, trainings, name):
    (teacher,) = trainings[name]["teachers"].models
    (folder,) = (tiny / "run").glob("rungs/0-*")
    with np.load(folder / "weights.npz") as weights:
        for place, weight in zip(sorted(weights), teacher.get_weights(), strict=True):
            np.testing.assert_array_equal(weights[place], weight)


def student_weights(tiny) -> list[np.ndarray]:
    (folder,) = (tiny / "run").glob("rungs/1-*")
    with np.load(folder / "weights.npz") as weights:
        return [weights[place] for place in sorted(weights)]


@pytest.mark.slow
def test_qat_with_distillation_learns_from_the_float_student_and_nothing_else(tiny, trainings):
    parts = trainings["qat_distilled"]
    (teacher,) = parts["teachers"].models
    for ours, its in zip(student_weights(tiny), teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, its)
    recipe = parts["recipe"]
    assert (recipe.teaching.hard_weight, recipe.teaching.labels) == (0.0, "online")
    assert recipe.training.label_smoothing == 0.0
    assert parts["data"].teacher_input == "crop"


@pytest.mark.parametrize("heard", ["clip", "padded_crop", "blend"])
def test_whatever_its_rungs_teachers_heard_the_float_student_hears_the_crop(heard):
    recipe = tiny_run.make_recipe(teacher_input=heard, teacher_lengths="any")
    assert finish_module._recipe(recipe, "qat_distilled").teaching.teacher_input == "crop"
    assert finish_module._recipe(recipe, "pruned").teaching.teacher_input == heard


@pytest.mark.slow
def test_qat_with_distillation_learns_as_its_rung_did_where_asked(tiny, run_dir, instant):
    run(tiny, run_dir, **ways("qat_distilled", teacher="rung"))
    (parts,) = instant
    (teacher,) = parts["teachers"].models
    assert len(teacher.get_weights()) == len(student_weights(tiny))
    differ = zip(student_weights(tiny), teacher.get_weights(), strict=True)
    assert any((ours != its).any() for ours, its in differ if ours.shape == its.shape)
    assert parts["recipe"].teaching.hard_weight == tiny_run.make_recipe().teaching.hard_weight
    assert parts["first_kept"] == 0


@pytest.mark.slow
def test_qat_by_itself_learns_from_known_labels_alone(trainings):
    assert trainings["qat"]["teachers"] is None
    assert not trainings["qat"]["data"].teach_unlabelled
    assert trainings["qat_distilled"]["data"].teach_unlabelled


@pytest.mark.slow
def test_all_ways_hear_the_same_crops_and_others_than_the_rung(trainings):
    (seed,) = {parts["data"].seed for parts in trainings.values()}
    assert seed not in (0, 1)  # those of the rungs
    assert {parts["data"].lengths_ms for parts in trainings.values()} == {(500,)}


@pytest.mark.slow
def test_the_learning_rate_is_a_share_of_the_rungs(trainings):
    rates = {parts["recipe"].training.learning_rate for parts in trainings.values()}
    assert rates == {tiny_run.make_recipe().training.learning_rate / 4}
    assert {parts["epochs"] for parts in trainings.values()} == {5}


@pytest.mark.slow
def test_epochs_that_are_kept_begin_where_a_student_is_what_was_asked_for(trainings):
    """Pruned students have all zeros half-way; a copy of its float twin is closest at the end."""
    kept = {name: parts["first_kept"] for name, parts in trainings.items()}
    assert kept == {"qat": 0, "qat_distilled": 4, "pruned": 2, "clustered": 0}


def test_epochs_before_the_first_kept_one_are_never_the_best(tiny, tmp_path, monkeypatch):
    recipe = tiny_run.make_recipe()
    parts = tiny_run.rung_parts(recipe, tiny_run.open_tiny(tmp_path, recipe))
    accuracies = iter([0.9, 0.5, 0.6])
    monkeypatch.setattr(type(parts["validation"]), "accuracy", lambda *_: next(accuracies))
    training = Rung(**parts, teachers=None, folder=tmp_path, epochs=3, first_kept=1)
    reached = training.fit(lambda done, total: None)
    assert (reached.best_epoch, reached.best_accuracy) == (2, 0.6)


def test_a_layer_that_can_not_be_rounded_is_told_before_anything_is_trained(
    tiny, tmp_path, monkeypatch
):
    text = "layer memory (LSTM)"
    monkeypatch.setattr("pld_tf.distill.finish.qat.refused_layers", lambda model: [text])
    with pytest.raises(PldError, match=r"does not take layer memory \(LSTM\) of tc_resnet"):
        run(tiny, tmp_path / "run", **ways("qat"))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_what_is_finished_is_told_again_and_left_alone(tiny, at_once, monkeypatch):
    before = tiny_run.file_bytes(at_once.run_dir, "**/*.*")
    forbid(monkeypatch, finish_module, "_way")
    assert run(tiny, at_once.run_dir, **ALL_WAYS) == at_once.said
    assert tiny_run.file_bytes(at_once.run_dir, "**/*.*") == before


@pytest.mark.slow
def test_a_way_with_other_choices_is_refused_with_the_difference(tiny, at_once):
    text = "finish/clustered was made with finish.cluster_count = 16, now 8. Remove that folder"
    with pytest.raises(PldError, match=text):
        run(tiny, at_once.run_dir, **clustered(cluster_count=8))


@pytest.mark.slow
def test_a_way_that_an_earlier_version_trained_otherwise_is_refused(tiny, finished_dir):
    path = finished_dir / "finish" / "qat" / "finish.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 1}))
    with pytest.raises(PldError, match=r"another version of pld-tf, .*Remove that folder"):
        run(tiny, finished_dir, **ALL_WAYS)


@pytest.mark.slow
def test_a_choice_of_another_way_changes_nothing(tiny, at_once, monkeypatch):
    forbid(monkeypatch, finish_module, "_way")
    run(tiny, at_once.run_dir, **clustered(prune_sparsity=0.9))


@pytest.mark.slow
def test_damaged_weights_are_one_line_with_the_way_out(tiny, finished_dir):
    folder = finished_dir / "finish" / "clustered"
    shutil.rmtree(folder / "bundle")
    (folder / "weights.npz").write_bytes(b"PK")
    with pytest.raises(PldError, match=f"{folder} is damaged: .*Remove that folder"):
        run(tiny, finished_dir, **clustered())


# --- what comes out ---


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory) -> Path:
    """A run finished in two ways, two epochs each."""
    run_dir = shutil.copytree(tiny / "run", tmp_path_factory.mktemp("finished") / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLD_TF_CACHE", str(tiny / "cache"))
        for name in ("qat_distilled", "pruned"):
            run(tiny, run_dir, **ways(name, epochs=2))
    return run_dir


@pytest.mark.slow
@pytest.mark.parametrize("name", ["qat_distilled", "pruned"])
def test_a_finished_student_has_a_bundle_that_differs_in_the_model_alone(finished, name):
    bundle, plain = read_bundle(finished / "finish" / name / "bundle"), read_bundle(finished)
    assert bundle.header["variant"] == name
    assert "variant" not in plain.header
    ours, theirs = bundle.header["files"], plain.header["files"]
    assert {file for file in ours if ours[file] != theirs[file]} == {
        "saved_model/saved_model.pb", "golden.npz",
    }  # fmt: skip


@pytest.mark.slow
def test_golden_logits_are_those_of_the_finished_student(finished):
    folders = (finished / "bundle", finished / "finish" / "qat_distilled" / "bundle")
    plain, rounded = (read_bundle(folder).golden_logits for folder in folders)
    assert 0 < np.abs(plain - rounded).max() < 2 * np.abs(plain).max()


@pytest.mark.slow
def test_every_layer_of_a_pruned_student_has_the_share_of_zeros_asked_for(finished):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(finished / "finish" / "pruned" / "bundle" / "saved_model"))
    operations = loaded.signatures["serving_default"].graph.get_operations()
    kernels = [
        tf.make_ndarray(each.inputs[1].op.inputs[0].op.get_attr("value"))
        for each in operations
        if each.type in ("Conv2D", "MatMul")
    ]
    assert len(kernels) > 3
    sparsity = tiny_run.make_recipe().finish.prune_sparsity
    for kernel in kernels:
        assert np.mean(kernel == 0) == pytest.approx(sparsity, abs=1 / kernel.size)


@pytest.mark.slow
def test_stopped_and_gone_on_it_ends_with_the_same_bytes(tiny, run_dir, finished, monkeypatch):
    """Of all ways the pruned one, whose masks are made anew in the midst of a training."""
    name = "pruned"
    save = rung_module.Rung._save

    def save_and_stop(self, reached) -> None:
        save(self, reached)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rung_module.Rung, "_save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            run(tiny, run_dir, **ways(name, epochs=2))
    run(tiny, run_dir, **ways(name, epochs=2))
    for pattern in ("weights.npz", "*.json", "bundle/**/*.*"):
        pattern = f"finish/{name}/{pattern}"
        expected = tiny_run.file_bytes(finished, pattern)
        assert expected
        assert tiny_run.file_bytes(run_dir, pattern) == expected
