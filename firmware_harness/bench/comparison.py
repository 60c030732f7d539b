"""Compares firmware's results with the expected ones, for a target's object of the report."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.firmware.run_files import Measured
from firmware_harness.measure.differences import Differences, count_differences, explain
from firmware_harness.measure.workload import Workload
from firmware_harness.runtimes.interpreter import Model


def comparison(
    measured: Measured,
    workload: Workload,
    plain: Model,
    *,
    host_features: NDArray[np.int8] | None,
) -> dict[str, Any]:
    """Count differing bytes: outputs against the golden kernels', features against the host's.

    Args:
      measured: results of the target.
      workload: what the target ran on.
      plain: its model on the reference resolver.
      host_features: from the same C on this machine; None if there are none, or on the host.

    Returns:
      Fields of a target; docs/formats.md names them.
    """
    outputs = count_differences(expected=[workload.outputs], found=[measured.outputs])
    features = _features(measured, workload, host_features)
    of_features = features or {}
    return {
        "golden": workload.golden,
        "inputs": len(workload.inputs),
        "inputs_from": workload.origins,
        "compared_bytes": outputs.compared_bytes + of_features.get("compared_bytes", 0),
        "mismatched_bytes": outputs.mismatched_bytes + of_features.get("mismatched_bytes", 0),
        "mismatched_inputs": outputs.mismatched_inputs,
        "mismatches_by_steps": {str(size): n for size, n in outputs.by_steps.items()},
        "explanation": _explanation(outputs, workload, plain),
        "features": features,
    }


def _explanation(outputs: Differences, workload: Workload, plain: Model) -> str | None:
    if not workload.as_devices:
        return explain(outputs, {each.name for each in plain.operators()})
    if not outputs.mismatched_bytes:
        return None
    return f"The C must give what {workload.golden} gives; please report a model where it does not."


def _features(
    measured: Measured, workload: Workload, host_features: NDArray[np.int8] | None
) -> dict[str, Any] | None:
    if measured.features is None or workload.features is None:
        return None
    from_host = {"compared_bytes": 0, "mismatched_bytes": 0}
    if host_features is not None:
        differences = count_differences(expected=[host_features], found=[measured.features])
        from_host["compared_bytes"] = differences.compared_bytes
        from_host["mismatched_bytes"] = differences.mismatched_bytes
    unlike = count_differences(expected=[workload.features], found=[measured.features])
    return {
        "crops": workload.crops,
        "cells": unlike.compared_bytes,
        **from_host,
        "unlike_tensorflow": unlike.mismatched_bytes,
        "unlike_tensorflow_by_steps": {str(size): n for size, n in unlike.by_steps.items()},
    }
