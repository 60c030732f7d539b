import numpy as np
import pytest
import tensorflow as tf
import tiny_run

from pld_tf.data.batches.pipeline import training_batches
from pld_tf.distill.step.teachers import Teachers
from pld_tf.distill.step.trainer import Trainer, make_optimizer


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_run.open_tiny(tmp_path_factory.mktemp("trainer"), tiny_run.make_recipe())


def make_trainer(parts: dict, *, teacher) -> Trainer:
    """A trainer for the student of `tiny_run.rung_parts`."""
    needed = {name: parts[name] for name in ("recipe", "data", "student")}
    teachers = Teachers([teacher], recipe=parts["recipe"], seed=0) if teacher else None
    return Trainer(**needed, teachers=teachers, epochs=2)


def first_batch(parts: dict) -> dict:
    return next(iter(training_batches(parts["data"], first_epoch=0, epochs=1)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hears", "labels", "lengths"),
    [
        ("crop", "soft", "fixed"),
        ("padded_crop", "hard", "fixed"),
        ("clip", "soft", "any"),
    ],
)
def test_a_step_changes_every_weight_of_the_student_and_none_of_the_teacher(
    store, hears, labels, lengths
):
    changes = {"teacher_input": hears, "labels": labels, "teacher_lengths": lengths}
    recipe = tiny_run.make_recipe(input_lengths_ms=[1000, 700, 500], **changes)
    parts = tiny_run.rung_parts(recipe, store, number=1)
    teacher = tiny_run.untrained(recipe, seed=1)
    before = parts["student"].get_weights(), teacher.get_weights()

    loss = make_trainer(parts, teacher=teacher).step(first_batch(parts))

    assert np.isfinite(loss)
    after = parts["student"].get_weights()
    assert all(np.any(old != new) for old, new in zip(before[0], after, strict=True))
    for old, new in zip(before[1], teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.slow
def test_without_hard_weight_the_teacher_alone_decides_what_is_learnt(store):
    recipe = tiny_run.make_recipe(**tiny_run.SMALL, hard_weight=0.0)
    teacher = tiny_run.untrained(recipe, seed=1)
    learnt = []
    for shift in (0, 1):
        parts = tiny_run.rung_parts(recipe, store, number=1)
        batch = first_batch(parts)
        batch["label"] = (batch["label"] + shift) % 4
        make_trainer(parts, teacher=teacher).step(batch)
        learnt.append(parts["student"].get_weights())
    for first, second in zip(*learnt, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)


@pytest.mark.slow
def test_the_teacher_scores_what_it_hears_and_not_what_the_student_hears(store):
    recipe = tiny_run.make_recipe(**tiny_run.SMALL, teacher_input="padded_crop", hard_weight=0.0)
    teacher = tiny_run.untrained(recipe, seed=1)
    learnt = []
    for heard in (1.0, 0.0):
        parts = tiny_run.rung_parts(recipe, store, number=1)
        batch = first_batch(parts)
        batch["teacher"] *= heard
        make_trainer(parts, teacher=teacher).step(batch)
        learnt.append(parts["student"].get_weights())
    assert any(np.any(first != second) for first, second in zip(*learnt, strict=True))


def test_several_steps_give_the_loss_and_clips_of_each(store, monkeypatch):
    """Each batch's loss is made the sum of its clips' numbers, so that they can be matched."""
    parts = tiny_run.rung_parts(tiny_run.make_recipe(**tiny_run.SMALL), store)

    def step(self, batch):
        return tf.cast(tf.reduce_sum(batch["clip"]), tf.float32)

    monkeypatch.setattr(Trainer, "step", step)
    batches = iter(training_batches(parts["data"], first_epoch=0, epochs=1))
    losses, clips = make_trainer(parts, teacher=None).steps(batches, tf.constant(3))
    np.testing.assert_array_equal(losses, clips.numpy().sum(axis=1))
    assert sorted(clips.numpy().reshape(-1)) == sorted(set(clips.numpy().reshape(-1)))
    assert clips.shape == (3, 16)


def rates(recipe, *, steps: int, epochs: int) -> list[float]:
    optimizer = make_optimizer(recipe, steps=steps, epochs=epochs)
    weight = tf.Variable([1.0])
    optimizer.build([weight])
    seen = []
    for _ in range(steps * epochs):
        optimizer.apply_gradients([(tf.constant([0.0]), weight)])
        seen.append(float(optimizer.learning_rate))  # of the step just taken
    return seen


def test_cosine_warms_up_and_falls_to_nothing():
    recipe = tiny_run.make_recipe(learning_rate=0.1, warmup_epochs=1, schedule="cosine")
    seen = rates(recipe, steps=4, epochs=3)
    np.testing.assert_allclose(seen[0], 0.001, rtol=1e-5)
    np.testing.assert_allclose(seen[4], 0.1, rtol=1e-5)
    np.testing.assert_allclose(seen[8], 0.05, rtol=1e-5)  # half of the 8 steps after the warm-up
    assert seen[11] < 0.005


def test_a_warm_up_takes_half_of_a_short_training_at_most():
    """Of four epochs of two steps: the rate rises for four steps, then falls."""
    recipe = tiny_run.make_recipe(learning_rate=0.1, warmup_epochs=9, schedule="cosine")
    seen = rates(recipe, steps=2, epochs=4)
    assert seen == [*sorted(seen[:5]), *sorted(seen[5:], reverse=True)]
    np.testing.assert_allclose(seen[4], 0.1, rtol=1e-5)


def test_a_constant_rate_stays():
    recipe = tiny_run.make_recipe(learning_rate=0.1, schedule="constant")
    np.testing.assert_allclose(rates(recipe, steps=2, epochs=2), 0.1, rtol=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_weight_decay_shrinks_kernels_and_spares_the_rest(name):
    recipe = tiny_run.make_recipe(
        optimizer=name, schedule="constant", learning_rate=0.5, weight_decay=0.1
    )
    names = ("conv/kernel:0", "dense/bias:0", "bn/gamma:0", "bn/beta:0")
    weights = [tf.Variable([2.0], name=each.removesuffix(":0")) for each in names]
    optimizer = make_optimizer(recipe, steps=1, epochs=1)
    optimizer.build(weights)
    optimizer.apply_gradients([(tf.constant([0.0]), weight) for weight in weights])
    # 2 - 2 * rate * decay
    np.testing.assert_allclose([float(weight[0]) for weight in weights], [1.9, 2, 2, 2], rtol=1e-6)
