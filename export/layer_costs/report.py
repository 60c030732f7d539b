"""What quantization costs, tensor by tensor and layer by layer. Format: docs/formats.md.

A layer's cost is measured: the float model runs with only that layer rounded as the integer
model rounds it. The signal to noise of its tensors shows why.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.errors import ExportError
from export.layer_costs.match import match
from export.layer_costs.parts import Pair, Part, input_part, layer_part
from export.layer_costs.tensors import Noise, Twin
from export.parity.measure import evenly
from export.system.files import Json
from export.system.progress import Progress
from export.system.temporary import temporary_folder
from export.tflite import interpreter
from export.tflite.facts import TensorInfo, model_info
from export.tflite.graph import read_graph
from export.tflite.quantization import dequantize, quantize
from export.tflite.rounding import Rounding, with_rounding, without_rounding

LAYER_COSTS_FORMAT = 1
MAX_CROPS = 200
_SMALL = ("int8", "int16")  # 32-bit biases lose nothing


@dataclass(frozen=True, kw_only=True)
class _Case:
    """What every measurement needs."""

    model: Path
    float_model: Path
    crops: NDArray[np.float32]
    labels: NDArray[np.int32]
    logits: NDArray[np.float32]  # of the float model


def layer_report(
    model: Path,
    *,
    float_model: Path,
    features: NDArray[np.float32],
    labels: NDArray[np.int32],
    progress: Progress = lambda line: None,
) -> Json:
    """Compare the tensors and layers of an integer model with those of its float twin.

    Args:
      model: the integer .tflite.
      float_model: the float .tflite with the same weights; its fake quantization is removed.
      features: float32 [crops, frames, bins]; at most 200 of them are used, evenly spread.
      labels: true classes, int32 [crops].
      progress: called with one line before each step.

    Returns:
      The content of quantization.json; docs/formats.md names its fields.

    Raises:
      ExportError: the models have no layer in common, or the interpreter refuses one.
    """
    kept = evenly(len(features), MAX_CROPS)
    read_graph(float_model)  # refuses a file that is not a model
    with temporary_folder() as folder:
        exact = folder / float_model.name
        exact.write_bytes(without_rounding(float_model.read_bytes()))
        case = _Case(
            model=model,
            float_model=exact,
            crops=features[kept],
            labels=labels[kept],
            logits=interpreter.run(exact, features[kept], resolver=interpreter.FAST),
        )
        return _report(case, progress)


def _report(case: _Case, progress: Progress) -> Json:
    floating, integer = read_graph(case.float_model), read_graph(case.model)
    info = model_info(integer, case.model)
    layers, unmatched = match(floating, integer)
    if not layers:
        raise ExportError(
            f"no layer of {case.float_model.name} is one of {case.model}, so nothing can be said "
            "of single layers. Both must be exported from one student."
        )
    twin = Twin(case.model, reference=True)
    parts = [input_part(floating, integer, twin)]
    parts += [layer_part(layer, floating, twin) for layer in layers]
    progress(f"measuring {len(parts)} layers on {len(case.crops)} validation crops")
    return {
        "format": LAYER_COSTS_FORMAT,
        "crops": len(case.crops),
        "unmatched": list(unmatched),
        "tensors": _tensors(parts, case, twin, info.input, logits=integer.outputs[0]),
        **_costs(parts, case, twin, info.input, info.output),
    }


def _tensors(
    parts: Sequence[Part], case: _Case, integer: Twin, taken: TensorInfo, *, logits: int
) -> list[dict[str, Any]]:
    """One entry per tensor, worst signal to noise first; `logits` is the index of the logits."""
    floating = Twin(case.float_model, reference=False)
    watched = [
        (part, pair, Noise(pair.scales, saturates=pair.integer == logits))
        for part in parts
        for pair in part.outputs
    ]
    for crop, stored in zip(case.crops, quantize(case.crops, taken), strict=True):
        floating.run(crop)
        integer.run(stored)
        for _, pair, noise in watched:
            _add(noise, pair, floating=floating, integer=integer)
    entries = [_entry(part, "output", noise) for part, _, noise in watched]
    for part in parts:
        for pair in part.constants.values():
            if pair.scales.dtype in _SMALL:
                weights = Noise(pair.scales)
                _add(weights, pair, floating=floating, integer=integer)
                entries.append(_entry(part, "weights", weights))
    return sorted(entries, key=_signal_to_noise)


def _add(noise: Noise, pair: Pair, *, floating: Twin, integer: Twin) -> None:
    noise.add(floating.tensor(pair.floating), integer.tensor(pair.integer))


def _entry(part: Part, what: str, noise: Noise) -> dict[str, Any]:
    return {"layer": part.name, "operator": part.operator, "what": what, **noise.to_dict()}


def _signal_to_noise(entry: dict[str, Any]) -> float:
    return math.inf if entry["snr_db"] is None else entry["snr_db"]


def _costs(
    parts: Sequence[Part], case: _Case, twin: Twin, taken: TensorInfo, given: TensorInfo
) -> Json:
    """How the logits change when each layer alone is rounded, and when all layers are."""
    computing = [part for part in parts if not part.moves_only]
    roundings = [part.rounding(twin) for part in computing]
    costs: list[dict[str, Any]] = [
        _cost(case, _rounded(case, [rounding]))
        | {"layer": part.name, "operator": part.operator, "tensor": part.tensor}
        for part, rounding in zip(computing, roundings, strict=True)
    ]
    costs.sort(key=_divergence, reverse=True)
    stored = quantize(case.crops, taken)
    outputs = interpreter.run(case.model, stored, resolver=interpreter.GOLDEN)
    return {
        "layers": costs,
        "all_layers": _cost(case, _rounded(case, roundings)),
        "model": _cost(case, dequantize(outputs, given)),
    }


def _divergence(cost: dict[str, Any]) -> float:
    return cost["divergence"]


def _rounded(case: _Case, roundings: Sequence[Rounding]) -> NDArray[np.float32]:
    """Logits of the float model with some layers rounded."""
    content = with_rounding(case.float_model.read_bytes(), roundings)
    with temporary_folder() as folder:
        path = folder / "rounded.tflite"
        path.write_bytes(content)
        return interpreter.run(path, case.crops, resolver=interpreter.FAST)


def _cost(case: _Case, logits: NDArray[np.float32]) -> dict[str, Any]:
    """How far logits are from the float model's.

    Layers are ranked by divergence. A count of a few flipped crops may be luck.
    """
    wanted, found = _log_softmax(case.logits), _log_softmax(logits)
    divergence = (np.exp(wanted) * (wanted - found)).sum(axis=1).mean()
    classes, before = logits.argmax(axis=1), case.logits.argmax(axis=1)
    lost = int((before == case.labels).sum()) - int((classes == case.labels).sum())
    return {
        "divergence": max(0.0, float(divergence)),  # rounding can make 0 slightly negative
        "flipped": int((classes != before).sum()),
        "accuracy_lost": lost / len(case.labels),
    }


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    moved = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return moved - np.log(np.exp(moved).sum(axis=1, keepdims=True))
