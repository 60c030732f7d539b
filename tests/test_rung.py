import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny_run

from pld_tf.distill import rung as rung_module
from pld_tf.distill.rung import Rung
from pld_tf.distill.trainer import Trainer
from pld_tf.errors import PldError


def silent(done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_run.open_tiny(tmp_path_factory.mktemp("rung"), tiny_run.make_recipe())


@pytest.fixture
def make(store, tmp_path):
    """Makes a rung of the tiny recipe with changes; a second one in its folder goes on with it."""

    def make(*, number: int = 0, epochs: int = 2, parts: dict | None = None, **changes) -> Rung:
        given = tiny_run.rung_parts(tiny_run.make_recipe(**changes), store, number=number)
        return Rung(
            **({"teacher": None, "folder": tmp_path, "epochs": epochs} | given | (parts or {}))
        )

    return make


@pytest.fixture
def instant(monkeypatch):
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


@pytest.fixture(scope="module")
def undisturbed(store, tmp_path_factory):
    """History and weights of 3 epochs in one go."""
    given = tiny_run.rung_parts(tiny_run.make_recipe(), store)
    reached = Rung(**given, teacher=None, folder=tmp_path_factory.mktemp("whole"), epochs=3).fit(
        silent
    )
    return reached.history, given["student"].get_weights()


@pytest.mark.parametrize("stop_after", [1, 5])
def test_a_rung_stopped_anywhere_ends_with_the_weights_of_one_that_was_not(
    make, store, undisturbed, monkeypatch, stop_after
):
    monkeypatch.setattr(rung_module, "STEPS_PER_CALL", 1)
    recipe = tiny_run.make_recipe()
    calls = []

    def stop(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(parts=tiny_run.rung_parts(recipe, store), epochs=3).fit(stop)
    resumed = tiny_run.rung_parts(recipe, store)
    ended = make(parts=resumed, epochs=3).fit(silent)

    history, weights = undisturbed
    assert ended.history == history
    for first, second in zip(weights, resumed["student"].get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


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


def test_a_loss_that_is_not_finite_stops_with_its_step_and_clips(make, monkeypatch, tmp_path):
    """The clip that breaks the loss is in the second epoch's batch that is listed, and no other."""
    clip = 7

    def step(self, batch):
        return tf.where(tf.reduce_any(batch["clip"] == clip), np.nan, 0.0)

    monkeypatch.setattr(Trainer, "step", step)
    rung = make()
    with pytest.raises(
        PldError, match=r"rung 0: the loss is nan at step [012] \(epoch 0\)"
    ) as stopped:
        rung.fit(silent)
    listed = (tmp_path / "non_finite_batch.txt").read_text().splitlines()
    assert rung._data.index.paths[clip].decode() in listed
    assert len(listed) == 16
    assert listed[0] in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_the_step_of_a_loss_that_is_not_finite_counts_from_the_start(make, monkeypatch):
    monkeypatch.setattr(Trainer, "step", lambda self, batch: tf.constant(np.inf))
    with pytest.raises(PldError, match=r"the loss is inf at step 0 \(epoch 0\)"):
        make().fit(silent)


def test_silence_has_no_file_to_list(make, monkeypatch, tmp_path):
    monkeypatch.setattr(Trainer, "step", lambda self, batch: tf.constant(np.nan))
    with pytest.raises(PldError):
        make(batch=48).fit(silent)
    listed = (tmp_path / "non_finite_batch.txt").read_text().splitlines()
    assert listed.count("(silence)") == 12


def test_an_absurd_learning_rate_is_stopped(make):
    with pytest.raises(PldError, match="Lower learning_rate"):
        make(learning_rate=1e30, optimizer="sgd", epochs=4, schedule="constant").fit(silent)
