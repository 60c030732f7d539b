"""Train a run: the rungs of its ladder, its finishing, its model bundles."""

from pathlib import Path
from typing import Any

from pld_tf.data.corpus.classes import class_notes, find_classes
from pld_tf.data.corpus.recordings import recordings_text
from pld_tf.data.open import damaged_store_told, open_data
from pld_tf.data.store.trained_on import TRAINED_ON, trained_on, write_trained_on
from pld_tf.distill.finish.finish import finish, finish_line, require_finishable
from pld_tf.distill.ladder import Ladder, RungResult
from pld_tf.model_bundle.of_run import RunBundles
from pld_tf.recipe.schema import Recipe
from pld_tf.recipe.tables import FINISH_WAYS
from pld_tf.run.folder import claim, owned
from pld_tf.system.progress import Say


def distill(
    *,
    recipe: Recipe,
    recipe_name: str,
    data: Path,
    run_dir: Path,
    seed: int,
    excluded: frozenset[str] = frozenset(),
    skip_bad: bool,
    say: Say,
) -> list[RungResult]:
    """Train the ladder in `run_dir` and write the model bundle; resumes a stopped run.

    Raises:
      PldError: `run_dir` was made from another recipe, data, seed or list of excluded clips.
    """
    store = open_data(data, recipe, excluded=excluded, skip_bad=skip_bad, say=say)
    ladder = Ladder(recipe=recipe, store=store, run_dir=run_dir, seed=seed)
    require_finishable(recipe, ladder.untrained)
    counts = {split: store.word_counts(split) for split in store.splits}
    for note in class_notes(find_classes(recipe.words, store.words), counts):
        say(note)
    results: list[RungResult] = []
    bundles = RunBundles(
        run_dir=run_dir,
        recipe=recipe,
        recipe_name=recipe_name,
        seed=seed,
        store=store,
        excluded=excluded,
    )

    def report(result: RungResult) -> None:
        results.append(result)
        say(rung_line(result))
        bundles.write_rung(result)

    with owned(run_dir), damaged_store_told(store):
        claim(
            run_dir,
            recipe=recipe,
            recipe_name=recipe_name,
            seed=seed,
            store=store,
            excluded=excluded,
            say=say,
        )
        if not (run_dir / TRAINED_ON).exists():  # runs of an earlier version get it too
            write_trained_on(run_dir / TRAINED_ON, trained_on(store))
        ladder.climb(report)
        _finish(ladder, bundles, say)
    return results


def _finish(ladder: Ladder, bundles: RunBundles, say: Say) -> None:
    """Finish the last student in each way of the recipe, and write the bundles."""
    recipe = bundles.recipe
    if not recipe.finish.ways:
        return
    last = ladder.last()
    for name in sorted(recipe.finish.ways, key=FINISH_WAYS.index):
        folder = bundles.run_dir / "finish" / name
        finished = finish(recipe, name, last=last, folder=folder)
        say(finish_line(finished))
        bundles.write_finished(finished, last.result)


def rung_line(result: RungResult) -> str:
    """One line on a finished rung."""
    metrics = result.metrics
    network = f", network {result.network + 1}" if result.network else ""
    teacher = ""
    if metrics["teacher_accuracy"] is not None:
        teacher = f", teacher {100 * metrics['teacher_accuracy']:.1f} %"
    return (
        f"rung {result.number} ({result.length_ms} ms{network}): student "
        f"{100 * metrics['student_accuracy']:.1f} %{teacher} on {metrics['validation_clips']} "
        f"validation clips{_recordings(metrics)} ({metrics['protocol']}), best of "
        f"{metrics['epochs']} epochs{_soft_labels_text(metrics.get('soft_labels'))}"
    )


def _recordings(metrics: dict[str, Any]) -> str:
    counts = metrics.get("recordings")  # rungs of an earlier version lack it
    return f" {recordings_text(counts)}" if counts else ""


def _soft_labels_text(stored: dict[str, Any] | None) -> str:
    if stored is None:
        return ""
    rate = stored["crops_per_second"]
    made = f", made at {rate:,.0f} crops/s" if rate else ", which lay there"
    return f"; {stored['crops']:,} soft labels, {stored['bytes'] / 1e6:.1f} MB{made}"
