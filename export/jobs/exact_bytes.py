"""Compare every byte of the generated C with TFLite Micro's, on inputs that bring out differences.

Twice: the model as a whole, and its layers apart. Behind a layer's wrong byte others may round it
away; apart, each layer is also given sums next to the edges of its roundings.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.c_code.model.apart import Apart, LayerApart, generate_apart
from export.c_code.model.streaming.as_window import as_window
from export.c_code.model.sums import edge_inputs
from export.errors import ExportError
from export.parity.measure import MODEL
from export.parity.strong_inputs import strong_inputs
from export.ports import Skipped, Stages
from export.system.files import Json, write_texts
from export.system.progress import Progress
from export.system.temporary import temporary_folder
from export.tflite.facts import ModelInfo

MOST_INPUTS, LEAST_INPUTS = 2000, 64
_MACS = 10**9  # TFLite Micro's reference kernels take a few seconds for them
_BYTES = 2**27  # of all inputs and outputs
_SEED = 20201
WHOLE, APART, STEPS = "model", "layers apart", "in steps"
_C = ("kws_model.h", "kws_model.c")
_STEPPED = 4  # every so many inputs are given in steps, which take longer


def check_bytes(
    folder: Path, info: ModelInfo, *, stages: Stages, progress: Progress = lambda line: None
) -> Json:
    """Run the model, its steps and its layers on strong inputs. All bytes must be the same.

    Args:
      folder: holds the model, kws_model.h and kws_model.c.
      info: of the model.
      stages: of which those count that are exact: they must give the same bytes.
      progress: called with one line before each step.

    Returns:
      The manifest's `parity`.

    Raises:
      ExportError: bytes differ; the text names the layer.
    """
    generator = np.random.default_rng(_SEED)
    compared: Json = {"stages": [], "skipped": {}}
    size = int(np.prod(info.input.shape)) + int(np.prod(info.output.shape))
    inputs = strong_inputs(info.input.shape, _count(info.macs, size), generator)
    _compare(folder, inputs, (), what=WHOLE, stages=stages, compared=compared, progress=progress)
    _check_steps(folder, inputs, stages=stages, compared=compared, progress=progress)
    apart = generate_apart((folder / MODEL).read_bytes())
    size = sum(layer.input_bytes + layer.output_bytes for layer in apart.layers)
    if not compared["stages"] or not apart.layers:
        return compared
    inputs = _inputs_apart(apart.layers, _count(info.macs, size), generator)
    with temporary_folder() as place:
        _write(apart, place)
        _compare(
            place, inputs, apart.layers,
            what=APART, stages=stages, compared=compared, progress=progress,
        )  # fmt: skip
    return compared


def _check_steps(
    folder: Path, inputs: NDArray[np.int8], *, stages: Stages, compared: Json, progress: Progress
) -> None:
    """Give some of the inputs step by step, if the model has steps."""
    texts = [(folder / name).read_text(encoding="utf-8") for name in _C]
    stepped = as_window(*texts)
    if stepped is None or not compared["stages"]:
        return
    with temporary_folder() as place:
        (place / MODEL).write_bytes((folder / MODEL).read_bytes())
        write_texts(place, dict(zip(_C, stepped, strict=True)))
        _compare(
            place, inputs[::_STEPPED], (),
            what=STEPS, stages=stages, compared=compared, progress=progress,
        )  # fmt: skip


def _count(macs: int, size: int) -> int:
    """How many inputs are worth the time and the memory."""
    return max(LEAST_INPUTS, min(MOST_INPUTS, _MACS // max(1, macs), _BYTES // size))


def _write(apart: Apart, folder: Path) -> None:
    (folder / MODEL).write_bytes(apart.tflite)
    write_texts(folder, {"kws_model.h": apart.header, "kws_model.c": apart.source})


def _inputs_apart(layers: Sequence[LayerApart], count: int, generator: Any) -> NDArray[np.int8]:
    """int8 [count, inputs of all layers]; half of them at edges, where a layer has such."""
    columns: list[NDArray[np.int8]] = []
    for layer in layers:
        for position, shape in enumerate(layer.inputs):
            made = strong_inputs(shape, count, generator)
            if position:  # else both inputs of a layer would always be of one kind
                made = generator.permutation(made)
            if layer.sums is not None:
                edges = edge_inputs(layer.sums, made.shape[1], count // 2, generator)
                made[count - len(edges) :] = edges
            columns.append(made)
    return np.concatenate(columns, axis=1)


def _compare(
    folder: Path,
    inputs: NDArray[np.int8],
    layers: Sequence[LayerApart],
    *,
    what: str,
    stages: Stages,
    compared: Json,
    progress: Progress,
) -> None:
    """Run each exact stage and compare it with the first one."""
    first: tuple[str, NDArray[Any]] | None = None
    for stage in stages.models:
        if not stage.exact or stage.name in compared["skipped"]:
            continue
        progress(f"running {stage.name} on {len(inputs):,} inputs, {what}")
        found = stage.run(folder, inputs)
        if isinstance(found, Skipped):
            compared["skipped"][stage.name] = found.reason
        elif first is None:
            first = stage.name, found
        else:
            compared["stages"].append(_row(stage.name, first, found, what=what, layers=layers))


def _row(
    stage: str,
    first: tuple[str, NDArray[Any]],
    found: NDArray[Any],
    *,
    what: str,
    layers: Sequence[LayerApart],
) -> Json:
    against, expected = first
    differing = found != expected
    if differing.any():
        raise ExportError(
            f"{stage} gives other bytes than {against} for {int(differing.sum()):,} of "
            f"{found.size:,} outputs{_where(differing, layers)}; nothing was written. Please "
            "report the model."
        )
    return {
        "stage": stage,
        "against": against,
        "what": what,
        "inputs": len(found),
        "values": found.size,
        "differing": 0,
    }


def _where(differing: NDArray[np.bool_], layers: Sequence[LayerApart]) -> str:
    """Names the first layer that differs, if the layers ran apart."""
    ends = np.cumsum([0, *(layer.output_bytes for layer in layers)]).tolist()
    for (start, end), layer in zip(pairwise(ends), layers, strict=True):
        if differing[:, start:end].any():
            return f", first in {layer.title}"
    return ""
