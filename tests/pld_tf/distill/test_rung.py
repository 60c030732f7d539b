from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny_run

from pld_tf.data.batches.pipeline import training_batches
from pld_tf.distill import rung as rung_module
from pld_tf.distill.rung import Rung
from pld_tf.distill.step.teachers import Teachers
from pld_tf.distill.step.trainer import Trainer
from pld_tf.errors import PldError
from pld_tf.system.files import read_npz, write_npz


def silent(done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_run.open_tiny(tmp_path_factory.mktemp("rung"), tiny_run.make_recipe())


@pytest.fixture
def make(store, tmp_path):
    """Makes a rung of a small network; a second one in its folder goes on with it."""

    def make(*, epochs: int = 2, parts: dict | None = None, **changes) -> Rung:
        recipe = tiny_run.make_recipe(**tiny_run.SMALL, **changes)
        given = tiny_run.rung_parts(recipe, store)
        return Rung(
            **({"teachers": None, "folder": tmp_path, "epochs": epochs} | given | (parts or {}))
        )

    return make


@pytest.fixture
def numbered(monkeypatch):
    """Batches of clip numbers from 0 on, of 36 words and 12 silences, in place of real ones."""

    def batches(data, *, first_epoch: int, epochs: int) -> tf.data.Dataset:
        clips = tf.data.Dataset.range(48).repeat(epochs - first_epoch)
        return clips.batch(data.batch).map(lambda clip: {"clip": clip})

    monkeypatch.setattr(rung_module, "training_batches", batches)


@pytest.fixture
def instant(monkeypatch, numbered):
    """Steps that train nothing and lose nothing, for tests of the loop around them."""
    monkeypatch.setattr(Trainer, "step", lambda self, batch: tf.constant(0.0))


class Accuracies:
    """A validation that gives these accuracies, epoch by epoch."""

    def __init__(self, *values: float) -> None:
        self._values = iter(values)

    def accuracy(self, model: tf_keras.Model) -> float:
        return next(self._values)


def test_loss_falls_on_tones_and_the_best_epoch_is_kept(make, store):
    changes = {"learning_rate": 0.01, "mel_masks": 0, "time_masks": 0}
    given = tiny_run.rung_parts(tiny_run.make_recipe(**changes), store)
    reached = make(parts=given, epochs=8).fit(silent)
    losses = [entry["loss"] for entry in reached.history]
    assert losses[-1] < 0.6 * losses[0]
    best = max(entry["accuracy"] for entry in reached.history)
    assert reached.best_accuracy == best > 0.5
    assert given["validation"].accuracy(given["student"]) == best


def test_progress_counts_crops_over_all_epochs(make, instant):
    calls = []
    rung = make(epochs=2, parts={"validation": Accuracies(0.1, 0.2)})
    rung.fit(lambda done, total: calls.append((done, total)))
    # 12 clips of each keyword, unknown and silence: 3 batches of 16.
    assert calls == [(48, 96), (96, 96)]


def test_patience_counts_epochs_since_the_best(make, instant):
    accuracies = Accuracies(0.5, 0.6, 0.4, 0.3, 0.9)
    reached = make(patience=2, epochs=5, parts={"validation": accuracies}).fit(silent)
    assert (reached.epoch, reached.best_epoch, reached.best_accuracy) == (4, 1, 0.6)


def test_a_plateau_is_out_of_patience_and_its_last_epoch_is_kept(make, instant):
    accuracies = Accuracies(0.5, 0.5, 0.5, 0.9)
    reached = make(patience=2, epochs=4, parts={"validation": accuracies}).fit(silent)
    assert (reached.epoch, reached.best_epoch) == (3, 2)


def test_patience_0_trains_to_the_end(make, instant):
    accuracies = Accuracies(0.5, 0.4, 0.3, 0.2, 0.1)
    assert make(patience=0, epochs=5, parts={"validation": accuracies}).fit(silent).epoch == 5


def test_a_rung_out_of_patience_stays_so(make, instant):
    make(patience=1, epochs=5, parts={"validation": Accuracies(0.5, 0.4)}).fit(silent)
    reached = make(patience=1, epochs=5, parts={"validation": Accuracies()}).fit(silent)
    assert reached.epoch == 2


def test_a_loss_that_is_not_finite_stops_with_its_step_and_clips(
    make, numbered, monkeypatch, tmp_path
):
    def step(self, batch):
        return tf.where(tf.reduce_any(batch["clip"] == 20), np.nan, 0.0)

    monkeypatch.setattr(Trainer, "step", step)
    rung = make()
    with pytest.raises(PldError, match=r"rung 0: the loss is nan at step 1 \(epoch 0\)") as stopped:
        rung.fit(silent)
    listed = (tmp_path / "non_finite_batch.txt").read_text().splitlines()
    assert listed == [path.decode() for path in rung._data.index.paths[16:32]]
    assert listed[0] in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_the_step_of_a_loss_that_is_not_finite_counts_from_the_start(make, instant, monkeypatch):
    make(epochs=1, parts={"validation": Accuracies(0.5)}).fit(silent)
    monkeypatch.setattr(Trainer, "step", lambda self, batch: tf.constant(np.inf))
    with pytest.raises(PldError, match=r"the loss is inf at step 3 \(epoch 1\)"):
        make().fit(silent)


def test_silence_has_no_file_to_list(make, numbered, monkeypatch, tmp_path):
    monkeypatch.setattr(Trainer, "step", lambda self, batch: tf.constant(np.nan))
    with pytest.raises(PldError):
        make(batch_size=48).fit(silent)
    listed = (tmp_path / "non_finite_batch.txt").read_text().splitlines()
    assert listed.count("(silence)") == 12


@pytest.mark.slow
def test_an_absurd_learning_rate_is_stopped(make):
    with pytest.raises(PldError, match=r"Lower training\.learning_rate"):
        make(learning_rate=1e30, optimizer="sgd", epochs=4, schedule="constant").fit(silent)


# --- whose labels count, and when ---


def taught(store, *, seed: int = 1, **changes) -> dict:
    """A student of 500 ms with labels for half of its clips, and a teacher of its own seed."""
    recipe = tiny_run.make_recipe(weight_decay=0.0, **changes)
    parts = tiny_run.rung_parts(recipe, store, number=1)
    teacher = tiny_run.untrained(recipe, seed=seed)
    data = replace(parts["data"], train_fraction=0.5, teach_unlabelled=True)
    teachers = Teachers([teacher], recipe=recipe, seed=0)
    return {**parts, "data": data, "teachers": teachers}


@pytest.fixture(scope="module")
def batch(store) -> dict[str, tf.Tensor]:
    data = taught(store, **tiny_run.SMALL)["data"]
    assert data.steps_per_epoch == 3
    return next(iter(training_batches(data, first_epoch=0, epochs=1)))


def learnt(store, batch: dict, *, done: int = 0, seed: int = 1, **changes) -> list[np.ndarray]:
    """Weights of a small student after one step, as update number `done` of two epochs."""
    parts = taught(store, seed=seed, **tiny_run.SMALL, **changes)
    needed = {key: parts[key] for key in ("recipe", "data", "student", "teachers")}
    trainer = Trainer(**needed, epochs=2)
    trainer.optimizer.iterations.assign(done)
    trainer.step(batch)
    return parts["student"].get_weights()


def relabelled(batch: dict, *, known: bool) -> dict:
    """The batch with another class for each clip whose label is known, or is not."""
    changed = tf.equal(batch["labelled"], float(known))
    assert 0 < np.count_nonzero(changed) < 16
    return {**batch, "label": tf.where(changed, (batch["label"] + 1) % 4, batch["label"])}


def alike(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(np.allclose(*pair, atol=1e-6) for pair in zip(first, second, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"mixup": 0.4}, {"hard_finish_epochs": 2}])
def test_a_label_that_is_not_known_decides_nothing_and_a_known_one_does(store, batch, changes):
    plain, unknown, known = (
        learnt(store, each, **changes)
        for each in (batch, relabelled(batch, known=False), relabelled(batch, known=True))
    )
    assert alike(plain, unknown)
    assert not alike(plain, known)


@pytest.mark.slow
@pytest.mark.parametrize(("done", "counts"), [(2, False), (3, True)])
def test_labels_count_at_the_finish_and_not_before(store, batch, done, counts):
    """The data has three steps an epoch: with a hard weight of 0, labels count from then on."""
    changes = {"hard_weight": 0.0, "hard_finish_epochs": 1, "schedule": "constant"}
    plain, other = (
        learnt(store, each, done=done, **changes) for each in (batch, relabelled(batch, known=True))
    )
    assert alike(plain, other) == (not counts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("some_unknown", "done", "counts"), [(True, 3, True), (False, 3, False), (False, 2, True)]
)
def test_at_the_finish_a_teacher_counts_only_where_no_label_is_known(
    store, batch, some_unknown, done, counts
):
    changes = {"hard_finish_epochs": 1, "schedule": "constant"}
    if not some_unknown:
        batch = {name: value for name, value in batch.items() if name != "labelled"}
    first, second = (learnt(store, batch, done=done, seed=seed, **changes) for seed in (1, 2))
    assert alike(first, second) == (not counts)


# --- what is kept beside the weights ---


class Told(Accuracies):
    """A validation that keeps the weights it was shown."""

    def accuracy(self, model: tf_keras.Model) -> float:
        self.weights = model.get_weights()
        return super().accuracy(model)


@pytest.mark.slow
def test_averaged_weights_are_validated_and_kept_and_training_goes_on_from_its_own(
    make, store, monkeypatch
):
    given = tiny_run.rung_parts(tiny_run.make_recipe(**tiny_run.SMALL, weight_average=0.9), store)
    told = Told(0.5)
    rung = make(parts={**given, "validation": told}, epochs=1)
    own: list[np.ndarray] = []
    monkeypatch.setattr(rung, "_save", lambda reached: own.extend(given["student"].get_weights()))
    reached = rung.fit(silent)
    averages = [variable.numpy() for variable in rung._trainer.average.variables]
    floats = [weight for weight in reached.best_weights if weight.dtype == np.float32]
    assert all(np.array_equal(*pair) for pair in zip(averages, floats, strict=True))
    for found in (told.weights, given["student"].get_weights()):
        assert all(np.array_equal(*pair) for pair in zip(found, reached.best_weights, strict=True))
    assert not alike(own, reached.best_weights)


EVERYTHING = {
    "mixup": 0.4,
    "weight_average": 0.9,
    "tempo": 0.2,
    "vocal_tract": 0.1,
    "embedding_weight": 1.0,
    "teacher_input": "blend",
    "hard_finish_epochs": 1,
    "per_clip": 2,
}


@pytest.mark.slow
def test_with_all_that_can_be_chosen_a_stopped_rung_ends_as_one_that_was_not(
    store, tmp_path, monkeypatch
):
    monkeypatch.setattr(rung_module, "STEPS_PER_CALL", 2)
    ended = []
    for name, stops in (("whole", []), ("stopped", [3])):
        for stop_after in [*stops, 0]:
            parts = taught(store, **EVERYTHING)
            rung = Rung(**parts, folder=tmp_path / name, epochs=3)
            calls: list[int] = []

            def advance(done: int, total: int, *, calls=calls, stop_after=stop_after) -> None:
                calls.append(done)
                if len(calls) == stop_after:
                    raise KeyboardInterrupt

            if stop_after:
                with pytest.raises(KeyboardInterrupt):
                    rung.fit(advance)
        ended.append((rung.fit(silent).history, parts["student"].get_weights()))
    assert ended[0][0] == ended[1][0]
    assert all(np.array_equal(*pair) for pair in zip(ended[0][1], ended[1][1], strict=True))


def test_a_checkpoint_of_another_optimizer_is_refused_in_one_line(make, instant, tmp_path):
    """Earlier versions kept two moments of each variable, not two vectors."""
    make(epochs=1).fit(silent)
    checkpoint = tmp_path / "checkpoint.npz"
    arrays = read_npz(checkpoint)
    moments = max(name for name in arrays if name.startswith("trainer_"))
    for place, part in enumerate(np.array_split(arrays.pop(moments), 3)):
        arrays[f"{moments}{place}"] = part
    write_npz(checkpoint, **arrays)
    with pytest.raises(PldError, match=r"checkpoint\.npz is of another version of pld-tf") as told:
        make(epochs=2).fit(silent)
    assert "\n" not in str(told.value)
