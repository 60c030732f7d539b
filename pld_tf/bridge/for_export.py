"""What `export` needs of the other packages. It imports none of them; the commands pass it in.

Light to import: each function loads what it needs when it is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pld_tf.system.stderr import load_tensorflow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from export.ports import AudioRun, Harness, Skipped, Stages
    from pld_tf.recipe.schema import Recipe

KIB = 1024


def bring_harness() -> Harness:
    """The parts of the harness that an export uses, and the C that all bundles share."""
    from export.ports import Harness
    from firmware_harness.bundle.shared_c import bundle_sources

    return Harness(measure_arena=measure_arena, stages=parity_stages(), sources=bundle_sources())


def measure_arena(model: Path) -> dict[str, int | str] | None:
    """The arena that TFLite Micro needs for a .tflite; None where it is not installed."""
    from firmware_harness.runtimes.tflm import arena_of_file

    return arena_of_file(model)


def generate_c(model: Path) -> dict[str, str]:
    """kws_model.h and kws_model.c, by name, for any int8 .tflite.

    Raises:
      ExportError: the file is damaged, or a layer has no C code; the text names the layer.
    """
    from export.c_code.model import generate

    generated = generate(model.read_bytes())
    return {"kws_model.h": generated.header, "kws_model.c": generated.source}


def parity_stages() -> Stages:
    """The stages that the parity gate compares with TFLite's reference kernels, nearest first."""
    from export.ports import REFERENCE, AudioStage, Stage, Stages

    tflm = "TFLite Micro"
    return Stages(
        models=(
            Stage(name="TFLite with XNNPACK", against=(REFERENCE,), run=_on_xnnpack),
            Stage(name=tflm, against=(REFERENCE,), run=_on_tflm, exact=True),
            # The generated C rounds as TFLite Micro does.
            Stage(name="generated C", against=(tflm, REFERENCE), run=_in_c, exact=True),
        ),
        audio=(AudioStage(name="audio through C", run=_run_audio),),
    )


def _on_xnnpack(folder: Path, crops: NDArray[Any]) -> NDArray[Any] | Skipped:
    from export.ports import Skipped
    from firmware_harness.runtimes.xnnpack import run_model

    outputs = run_model(folder / "model.tflite", crops)
    return Skipped(reason="XNNPACK takes no part of it") if outputs is None else outputs


def _on_tflm(folder: Path, crops: NDArray[Any]) -> NDArray[Any] | Skipped:
    from export.ports import Skipped
    from firmware_harness.runtimes.tflm import PACKAGE, run_model

    outputs = run_model(folder / "model.tflite", crops)
    return Skipped(reason=f"the package {PACKAGE} is not installed") if outputs is None else outputs


def _in_c(folder: Path, crops: NDArray[Any]) -> NDArray[Any] | Skipped:
    missing = _c_is_missing(folder, "kws_model.c")
    if missing is not None:
        return missing
    from firmware_harness.runtimes.host_library import open_library

    return open_library(folder).run_model(crops)


def _run_audio(folder: Path, audio: NDArray[np.int16]) -> AudioRun | Skipped:
    from export.ports import AudioRun

    missing = _c_is_missing(folder, "kws_model.c", "kws_frontend.c")
    if missing is not None:
        return missing
    from firmware_harness.runtimes.host_library import open_library

    library = open_library(folder)
    features = library.features(audio)
    return AudioRun(features=features, outputs=library.run_model(features))


def _c_is_missing(folder: Path, *names: str) -> Skipped | None:
    """Why generated C cannot run here; None where it can."""
    from export.ports import Skipped
    from firmware_harness.errors import HarnessError
    from firmware_harness.system.toolchain import host_compiler

    for name in names:
        if not (folder / name).is_file():
            return Skipped(reason=f"the bundle has no {name}")
    try:
        host_compiler()
    except HarnessError:
        return Skipped(reason="there is no C compiler")
    return None


def preflight(recipe_name: str) -> dict[str, Any]:
    """Report whether a recipe's last student fits its `[device]`; the recipe by name or file.

    Raises:
      PldError: no such recipe, or a wrong one.
      ExportError: the conversion fails.
    """
    from pld_tf.recipe.load import load_recipe

    return preflight_recipe(load_recipe(recipe_name), Path(recipe_name).stem)


def preflight_recipe(recipe: Recipe, name: str) -> dict[str, Any]:
    """As `preflight`, for a recipe that has been read."""
    load_tensorflow()
    from export.device_fit.limits import Limits
    from export.device_fit.preflight import Student
    from export.device_fit.preflight import preflight as run_preflight
    from pld_tf.model_bundle.untrained import write_untrained

    rung = recipe.rungs - 1 if len(recipe.models) > 1 else 0
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
