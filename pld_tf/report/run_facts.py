"""The ladder of a run: its networks, what they cost, who taught them, how they learned."""

from pld_tf.distill.rungs import RungResult
from pld_tf.models import cost
from pld_tf.recipe.schema import Recipe
from pld_tf.report.bundle_files import Manifest
from pld_tf.report.checked import read_checked
from pld_tf.report.facts import Origin, Rung
from pld_tf.report.run_files import RungMetrics
from pld_tf.run.folder import Run
from pld_tf.run.trained import trained_rungs


def rungs_of(run: Run, *, last: int | None = None) -> tuple[Rung, ...]:
    """Every network of a run, in order; up to rung `last`, if the others need not be trained.

    Raises:
      PldError: a rung is not trained, or its files are damaged.
    """
    ladder = trained_rungs(run)
    return tuple(
        _rung(run.recipe, ladder.load(number, network))
        for number in range(run.recipe.rungs if last is None else last + 1)
        for network in range(run.recipe.rung_networks(number))
    )


def origin_of(made: Run | Manifest, recipe: Recipe) -> Origin:
    """What a run or a bundle was made from."""
    device = recipe.device
    return Origin(
        recipe_name=made.recipe_name,
        seed=made.seed,
        commit=made.commit,
        versions=made.versions,
        data_key=made.data_key,
        flash_kb=device.flash_kb if device else None,
        ram_kb=device.ram_kb if device else None,
    )


def _rung(recipe: Recipe, result: RungResult) -> Rung:
    spec = recipe.features
    frames = spec.frames(spec.samples(result.length_ms))
    return Rung(
        student=_model_name(recipe, result.number),
        teacher=_teacher(recipe, result.number),
        parameters=cost.parameters(result.student),
        macs=cost.macs(result.student, frames=frames, bins=spec.bins),
        metrics=read_checked(result.folder / "metrics.json", RungMetrics),
    )


def _model_name(recipe: Recipe, number: int) -> str:
    model = recipe.rung_model(number)
    width = "" if model.width == 1 else f", width {model.width:g}"
    return f"{model.family} {model.size}{width}"


def _teacher(recipe: Recipe, number: int) -> str | None:
    if not number:
        return None
    first = "rung 0 and " if recipe.teaching.keep_first_teacher and number > 1 else ""
    networks = recipe.rung_networks(number - 1)
    several = f", {networks} networks" if networks > 1 else ""
    length_ms = recipe.lengths_ms[number - 1]
    return f"{first}rung {number - 1} ({length_ms} ms{several})"
