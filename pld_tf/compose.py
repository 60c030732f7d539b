"""What `export` needs of the other packages, which it does not import: `pld_tf.cli` brings it.

Light to import: what a function needs is loaded when it is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pld_tf.quiet import load_tensorflow

if TYPE_CHECKING:
    from pld_tf.recipe import Recipe

KIB = 1024


def measure_arena(model: Path) -> dict[str, int | str] | None:
    """The arena that TFLite Micro needs for a .tflite; None where it is not installed."""
    from firmware_harness.tflm import arena_of_file

    return arena_of_file(model)


def preflight(recipe_name: str) -> dict[str, Any]:
    """Report on whether the last student of a recipe, by name or file, fits its `[device]`.

    Raises:
      PldError: no such recipe, or a wrong one.
      ExportError: the conversion fails.
    """
    from pld_tf.recipe import load_recipe

    return preflight_recipe(load_recipe(recipe_name), Path(recipe_name).stem)


def preflight_recipe(recipe: Recipe, name: str) -> dict[str, Any]:
    """As `preflight`, for a recipe that has been read."""
    load_tensorflow()
    from export.device_fit import Limits
    from export.preflight import Student
    from export.preflight import preflight as run_preflight
    from pld_tf.untrained import write_untrained

    rung = len(recipe.ladder_ms) - 1 if len(recipe.models) > 1 else 0
    student = Student(
        name=name,
        width=recipe.models[rung].width,
        width_key=f"models.{rung}.width",
        write=lambda folder, width: write_untrained(recipe, folder, width=width),
    )
    device = recipe.device
    limits = Limits(
        flash_bytes=device.flash_kb * KIB if device and device.flash_kb else None,
        ram_bytes=device.ram_kb * KIB if device and device.ram_kb else None,
        any_ops=device is not None and device.ops == "any",
    )
    return run_preflight(student, limits)
