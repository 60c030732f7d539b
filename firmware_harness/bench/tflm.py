"""The target `tflm` of a bench report: arena on TFLite Micro, and every byte against TFLite."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.bundle.read import Bundle
from firmware_harness.measure.differences import count_differences, explain
from firmware_harness.measure.inputs import comparison_inputs
from firmware_harness.runtimes.interpreter import Model
from firmware_harness.runtimes.tflm import require_integers, require_tflm, run_tflm
from firmware_harness.system.progress import Progress


def tflm_target(
    bundle: Bundle, plain: Model, *, progress: Progress | None = None
) -> dict[str, Any]:
    """Run a bundle's model on TFLM and on TFLite's reference kernels, on the same inputs.

    Args:
      bundle: gives the crops, if it has any.
      plain: its model on the reference resolver.
      progress: called with ("tflm", done, total): half for the reference kernels, half for TFLM.

    Returns:
      The object `targets.tflm` of the report; docs/formats.md names its fields.

    Raises:
      HarnessError: no tflite-micro, a float model, damaged crops, or TFLM cannot run the model.
    """
    version = require_tflm()
    require_integers(plain, target="tflm")
    origins, inputs = comparison_inputs(bundle, plain)
    total = 2 * len(inputs[0])
    run = run_tflm(plain, inputs)
    if progress is not None:
        progress("tflm", total // 2, total)
    expected = _reference_outputs(plain, inputs, progress=progress, total=total)
    differences = count_differences(expected=expected, found=run.outputs)
    operators = {operator.name for operator in plain.operators()}
    return {
        "version": version,
        "arena_bytes": run.arena.bytes,
        "arena_head_bytes": run.arena.head_bytes,
        "arena_tail_bytes": run.arena.tail_bytes,
        "arena_tail_parts": run.arena.parts,
        "inputs": len(inputs[0]),
        "inputs_from": origins,
        "compared_bytes": differences.compared_bytes,
        "mismatched_bytes": differences.mismatched_bytes,
        "mismatched_inputs": differences.mismatched_inputs,
        "mismatches_by_steps": {str(size): n for size, n in differences.by_steps.items()},
        "explanation": explain(differences, operators),
    }


def _reference_outputs(
    plain: Model, inputs: list[NDArray[Any]], *, progress: Progress | None, total: int
) -> list[NDArray[Any]]:
    rows: list[list[NDArray[Any]]] = []
    for values in zip(*inputs, strict=True):
        rows.append(plain.run_all(values))
        if progress is not None:
            progress("tflm", total // 2 + len(rows), total)
    return [np.stack(output) for output in zip(*rows, strict=True)]
