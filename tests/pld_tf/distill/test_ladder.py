import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_run
from tiny_run import SMALL

from pld_tf.data.corpus.classes import find_classes
from pld_tf.data.crop_places import pad_crops
from pld_tf.data.held_out import held_out
from pld_tf.distill import ladder as ladder_module
from pld_tf.distill.ladder import Ladder, RungResult
from pld_tf.distill.rung import Progressed, Rung
from pld_tf.distill.validation import student_validation, teacher_validation
from pld_tf.errors import PldError
from pld_tf.features.log_mel import log_mel


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_run.open_tiny(tmp_path_factory.mktemp("ladder"), tiny_run.make_recipe())


@pytest.fixture(scope="module")
def climbed(tiny):
    """Folder of a finished ladder of the tiny recipe, seed 0. Read-only."""
    return tiny / "run"


def climb(store, run_dir, *, seed: int = 0, **changes) -> list[RungResult]:
    results: list[RungResult] = []
    recipe = tiny_run.make_recipe(**changes)
    Ladder(recipe=recipe, store=store, run_dir=run_dir, seed=seed).climb(results.append)
    return results


def forbid_training(monkeypatch) -> None:
    def fit(self, advance):
        raise AssertionError(f"{self._title} was trained")

    monkeypatch.setattr(Rung, "fit", fit)


def test_a_finished_rung_is_never_trained_twice(climbed, store, monkeypatch):
    files = [path for path in climbed.rglob("*") if path.is_file()]
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    forbid_training(monkeypatch)
    results = climb(store, climbed)
    assert [result.number for result in results] == [0, 1]
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_a_loaded_rung_scores_as_its_metrics_say(climbed, store):
    recipe = tiny_run.make_recipe()
    result = Ladder(recipe=recipe, store=store, run_dir=climbed, seed=0).load(1)
    clips = held_out(store, find_classes(recipe.words, store.words), "validation")
    heard = student_validation(recipe, clips, 500)
    assert result.metrics["student_accuracy"] == heard.accuracy(result.student)
    assert result.metrics["validation_clips"] == len(clips) == 16


def test_the_teacher_of_a_rung_is_the_student_before_it(climbed, store, tmp_path, monkeypatch):
    """Rung 1 has to be trained anew: it gets the kept rung 0 as teacher."""
    shutil.copytree(climbed / "rungs", tmp_path / "rungs")
    given = rungs_made(monkeypatch, store, tmp_path, temperature=3.0)
    first = Ladder(recipe=tiny_run.make_recipe(), store=store, run_dir=climbed, seed=0).load(0)
    assert [rung["title"] for rung in given] == ["rung 1 (500 ms)"]
    (teacher,) = given[0]["teachers"].models
    for weights, teaching in zip(first.student.get_weights(), teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, teaching)


class Stopped(Exception):
    pass


def rungs_made(monkeypatch, store, run_dir, **changes) -> list[dict]:
    """What the first Rung that a climb makes is given; nothing is trained."""
    given: list[dict] = []

    def make_rung(**parts):
        given.append(parts)
        raise Stopped

    monkeypatch.setattr(ladder_module, "Rung", make_rung)
    with pytest.raises(Stopped):
        climb(store, run_dir, **changes)
    return given


THREE = {"input_lengths_ms": [1000, 700, 500]}


def folders(store, **changes) -> list:
    """Of each network, in order; it is trained if its folder is not there."""
    recipe = tiny_run.make_recipe(**THREE, **changes)
    ladder = Ladder(recipe=recipe, store=store, run_dir=Path("run"), seed=0)
    networks = [
        (rung, network) for rung in range(3) for network in range(recipe.rung_networks(rung))
    ]
    return [ladder._folder(*each) for each in networks]


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"description": "same tones"}, 3),
        ({"keep_first_teacher": True}, 2),
        ({"epochs": [2, 2, 3]}, 2),
        ({"labels": "hard"}, 1),
        ({"teacher_input": "clip"}, 1),
        ({"epochs": [2, 3, 2]}, 1),
        ({"hard_finish_epochs": 1}, 1),
        ({"embedding_weight": 1.0}, 1),
        ({"ensemble": "switch"}, 1),
        ({"train_fraction": [1.0, 0.5, 0.5]}, 1),
        ({"networks": [2, 1, 1]}, 1),
        ({"train_fraction": 0.5}, 0),
        ({"per_clip": 3}, 0),
        ({"mixup": 0.3}, 0),
        ({"weight_average": 0.9}, 0),
        ({"tempo": 0.1}, 0),
        ({"vocal_tract": 0.1}, 0),
        ({"filter_db": 3.0}, 0),
        ({"echo_epochs": 2}, 0),
        ({"learning_rate": 0.5}, 0),
        ({"teacher_lengths": "fixed"}, 0),
        ({"epochs": [3, 2, 2]}, 0),
        ({"keywords": ["two", "one"]}, 0),
    ],
)
def test_a_choice_makes_anew_exactly_the_networks_it_decides(store, changes, kept):
    before, now = folders(store), folders(store, **changes)
    assert now[:kept] == before[:kept]
    assert not {*now[kept:]} & {*before}


def test_a_student_of_another_teacher_is_another_student(climbed, store):
    recipe = tiny_run.make_recipe(epochs=[3, 2])
    with pytest.raises(PldError, match="is not trained yet"):
        Ladder(recipe=recipe, store=store, run_dir=climbed, seed=0).load(1)


def test_another_description_makes_nothing_anew(climbed, store, monkeypatch):
    forbid_training(monkeypatch)
    assert len(climb(store, climbed, description="same tones")) == 2


@pytest.mark.parametrize(("lengths", "input_ms"), [("any", (1000, 700, 500)), ("fixed", (1000,))])
def test_a_teacher_of_any_length_hears_all_lengths_to_come(
    store, tmp_path, monkeypatch, lengths, input_ms
):
    (rung,) = rungs_made(
        monkeypatch, store, tmp_path, teacher_lengths=lengths, input_lengths_ms=[1000, 700, 500]
    )
    assert rung["data"].lengths_ms == input_ms
    assert rung["teachers"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hears", "labels", "lengths"),
    [("crop", "hard", "fixed"), ("padded_crop", "soft", "any"), ("clip", "hard", "any")],
)
def test_every_way_of_teaching_climbs(store, tmp_path, hears, labels, lengths):
    ways = {"teacher_input": hears, "labels": labels, "teacher_lengths": lengths}
    first, second = climb(store, tmp_path, epochs=1, **SMALL, **ways)
    assert first.metrics["teacher_accuracy"] is None
    assert 0 <= second.metrics["teacher_accuracy"] <= 1
    assert np.isfinite(second.metrics["history"][0]["loss"])


def test_an_unfinished_rung_cannot_be_loaded(store, tmp_path):
    ladder = Ladder(recipe=tiny_run.make_recipe(), store=store, run_dir=tmp_path, seed=0)
    with pytest.raises(
        PldError, match=r"rung 1 of .* is not trained yet; go on with pld-tf distill"
    ):
        ladder.load(1)


@pytest.fixture(scope="module")
def clips(store):
    return held_out(store, find_classes(tiny_run.make_recipe().words, store.words), "validation")


def test_a_teacher_of_crops_hears_what_its_student_hears(clips):
    recipe = tiny_run.make_recipe(teacher_input="crop")
    heard = teacher_validation(recipe, clips, length_ms=500, teacher_ms=1000)
    np.testing.assert_array_equal(heard.features, student_validation(recipe, clips, 500).features)


def test_a_teacher_of_whole_clips_hears_all_there_is(clips):
    recipe = tiny_run.make_recipe(teacher_input="clip", validation_protocol="random")
    heard = teacher_validation(recipe, clips, length_ms=500, teacher_ms=1000)
    whole = student_validation(recipe, clips, 1000)
    np.testing.assert_array_equal(heard.features, whole.features)
    np.testing.assert_array_equal(heard.labels, whole.labels)


def test_a_teacher_of_longer_crops_hears_its_students_crop_in_their_middle(clips):
    """Centre crops of 500 ms lie 150 ms inside centre crops of 800 ms."""
    recipe = tiny_run.make_recipe(teacher_input="clip", validation_protocol="centre")
    heard = teacher_validation(recipe, clips, length_ms=500, teacher_ms=800)
    np.testing.assert_array_equal(heard.features, student_validation(recipe, clips, 800).features)


def test_a_teacher_of_padded_crops_hears_zeros_around_them(clips):
    recipe = tiny_run.make_recipe(teacher_input="padded_crop", validation_protocol="centre")
    heard = teacher_validation(recipe, clips, length_ms=500, teacher_ms=1000)
    starts = clips.starts_ms("centre", 500)
    crops = np.concatenate([batch.numpy()[:, 0] for batch in clips.crops(starts, 500)])
    padded = np.zeros((len(clips), 4000), np.float32)
    padded[:, 1000:3000] = crops
    np.testing.assert_allclose(heard.features, log_mel(padded, recipe.features), atol=1e-5)


def test_padding_puts_the_odd_sample_behind():
    assert pad_crops(np.ones((1, 3), np.float32), 6).numpy().tolist() == [[0, 1, 1, 1, 0, 0]]


# --- several networks on a rung ---


def instant_rungs(monkeypatch) -> list[dict]:
    """What every Rung of a climb is given; each keeps its first weights instead of training."""
    given: list[dict] = []

    class Instant:
        def __init__(self, **parts):
            self._weights = parts["student"].get_weights()
            given.append(parts)

        def fit(self, advance) -> Progressed:
            return Progressed(epoch=1, best_epoch=0, best_accuracy=0.5, best_weights=self._weights)

    monkeypatch.setattr(ladder_module, "Rung", Instant)
    return given


def taught_by(given: list[dict], results: list[RungResult]) -> list[list[int]]:
    """For each network, which of the networks before it teach it, told by their weights."""
    finished = [weights_of(result.student) for result in results]
    assert len(set(finished)) == len(finished)
    return [
        [finished.index(weights_of(model)) for model in rung["teachers"].models]
        if rung["teachers"]
        else []
        for rung in given
    ]


def weights_of(model) -> bytes:
    return b"".join(np.ascontiguousarray(weight).tobytes() for weight in model.get_weights())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "teachers"),
    [
        ({"networks": 2}, [[], [], [0, 1], [0, 1], [2, 3]]),
        ({"networks": [2, 1, 1], "keep_first_teacher": True}, [[], [], [0, 1], [0, 1, 2]]),
    ],
)
def test_a_rung_is_taught_by_all_networks_before_it(
    store, tmp_path, monkeypatch, changes, teachers
):
    given = instant_rungs(monkeypatch)
    results = climb(store, tmp_path, **THREE, **SMALL, **changes)
    assert taught_by(given, results) == teachers
    assert len({rung["data"].seed for rung in given}) == len(given)
    assert len({rung["folder"] for rung in given}) == len(given)


def test_networks_of_a_rung_are_told_apart(store, tmp_path, monkeypatch):
    given = instant_rungs(monkeypatch)
    results = climb(store, tmp_path, **SMALL, networks=2)
    assert [rung["title"] for rung in given] == [
        "rung 0 (1000 ms, network 1 of 2)",
        "rung 0 (1000 ms, network 2 of 2)",
        "rung 1 (500 ms)",
    ]
    assert [(result.number, result.network) for result in results] == [(0, 0), (0, 1), (1, 0)]
    assert [result.metrics["network"] for result in results] == [0, 1, 0]


def test_every_rung_has_its_share_of_labels_and_only_students_learn_without(
    store, tmp_path, monkeypatch
):
    given = instant_rungs(monkeypatch)
    climb(store, tmp_path, **SMALL, train_fraction=[1.0, 0.5], per_clip=3)
    told = [(rung["data"].train_fraction, rung["data"].teach_unlabelled) for rung in given]
    assert told == [(1.0, False), (0.5, True)]
    assert [rung["data"].crops.per_clip for rung in given] == [3, 3]


def test_another_seed_makes_another_network(store):
    recipe = tiny_run.make_recipe(**SMALL)
    ladders = [Ladder(recipe=recipe, store=store, run_dir=Path(), seed=seed) for seed in (0, 0, 1)]
    first, same, other = (weights_of(ladder.untrained()) for ladder in ladders)
    assert first == same != other
