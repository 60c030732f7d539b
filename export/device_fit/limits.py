"""Compare what an int8 model needs with a device's limits, and name the layers at fault."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from export.device_fit.arena import plan_arena
from export.tflite.facts import float_operators
from export.tflite.graph import Graph, Operator
from export.tflite.tflm_operators import BUILTIN, CUSTOM

KIB = 1024
_LARGEST = 5  # tensors that a report lists
# The converter fuses these nodes into the node before, which names the layer better.
_FUSED = re.compile("Relu|FusedBatchNorm|BiasAdd")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a device. None means no limit; `any_ops` accepts every operator that converts."""

    flash_bytes: int | None = None
    ram_bytes: int | None = None
    any_ops: bool = False


class Layers:
    """Finds the Keras layer of an operator; `by_node` gives the layer of each node."""

    def __init__(self, graph: Graph, by_node: Mapping[str, str]) -> None:
        self._graph = graph
        self._by_node = by_node

    def of(self, operator: Operator) -> str:
        """Name of its layer; if unknown, the name of its output or of the operator itself.

        >>> from export.tflite.graph import Tensor
        >>> relu = Tensor(name="Relu_1;Conv2D_1", shape=(1,), dtype="int8")
        >>> conv = Operator(name="CONV_2D", inputs=(), outputs=(0,))
        >>> graph = Graph(tensors=(relu,), operators=(conv,), inputs=(), outputs=(0,))
        >>> Layers(graph, {"Relu_1": "re_lu", "Conv2D_1": "conv2d_3"}).of(conv)
        'conv2d_3'
        """
        if not operator.outputs:
            return operator.name
        name = self._graph.tensors[operator.outputs[0]].name
        nodes = [part.partition(":")[0] for part in name.split(";")]
        nodes.sort(key=lambda node: bool(_FUSED.match(node)))
        known = [self._by_node[node] for node in nodes if node in self._by_node]
        return (known or nodes)[0] or operator.name


def device_costs(graph: Graph, *, model_bytes: int, layers: Layers) -> dict[str, Any]:
    """Flash, RAM and what uses most of it; docs/formats.md, "Preflight report"."""
    arena = plan_arena(graph)
    peak = graph.operators[arena.peak_operator] if graph.operators else None
    return {
        "flash_bytes": model_bytes,
        "largest_weights": _largest_weights(graph, layers),
        "ram_bytes": arena.bytes,
        "ram_tensor_bytes": arena.tensor_bytes,
        "ram_fixed_bytes": arena.fixed_bytes,
        "peak": peak
        and {
            "layer": layers.of(peak),
            "operator": peak.name,
            "tensor_bytes": [graph.tensors[index].bytes for index in arena.peak_tensors],
        },
        "largest_tensors": _largest_tensors(graph, layers),
    }


def refused_operators(graph: Graph, limits: Limits, layers: Layers) -> list[str]:
    """One text for each layer whose operator the device cannot run."""
    texts = [
        f"layer {layers.of(op)} stays float ({op.name}): the device has integers only"
        for op in float_operators(graph)
    ]
    if not limits.any_ops:
        texts += [
            f"layer {layers.of(op)} needs the operator {op.name}, which TFLite Micro lacks"
            for op in graph.operators
            if op.name not in BUILTIN and op.name.removeprefix("CUSTOM ") not in CUSTOM
        ]
    return list(dict.fromkeys(texts))


def too_large(costs: dict[str, Any], limits: Limits) -> list[str]:
    """One text for each exceeded limit, with the layer that needs most."""
    texts: list[str] = []
    if limits.flash_bytes is not None and costs["flash_bytes"] > limits.flash_bytes:
        most = costs["largest_weights"]
        which = f", most of it in layer {most['layer']} ({kib(most['bytes'])})" if most else ""
        texts.append(
            f"the model takes {kib(costs['flash_bytes'])} of flash, more than flash_kb = "
            f"{limits.flash_bytes / KIB:g}{which}"
        )
    if limits.ram_bytes is not None and costs["ram_bytes"] > limits.ram_bytes:
        most = costs["peak"]
        tensors = " + ".join(kib(size) for size in most["tensor_bytes"][:3]) if most else ""
        which = f", most of it in layer {most['layer']} (tensors of {tensors})" if most else ""
        texts.append(
            f"the arena takes about {kib(costs['ram_bytes'])} of RAM, more than ram_kb = "
            f"{limits.ram_bytes / KIB:g}{which}"
        )
    return texts


def kib(size: int) -> str:
    """Bytes in KiB, for people.

    >>> kib(2048), kib(100)
    ('2.0 KiB', '0.1 KiB')
    """
    return f"{size / KIB:.1f} KiB"


def _largest_weights(graph: Graph, layers: Layers) -> dict[str, Any] | None:
    def weights(op: Operator) -> int:
        tensors = [graph.tensors[index] for index in op.inputs if index >= 0]
        return sum(tensor.bytes for tensor in tensors if tensor.constant)

    if not graph.operators:
        return None
    most = max(graph.operators, key=weights)
    return {"layer": layers.of(most), "operator": most.name, "bytes": weights(most)}


def _largest_tensors(graph: Graph, layers: Layers) -> list[dict[str, Any]]:
    made = [(op, graph.tensors[index]) for op in graph.operators for index in op.outputs]
    made.sort(key=lambda each: -each[1].bytes)
    return [
        {
            "layer": layers.of(op),
            "shape": list(tensor.shape),
            "dtype": tensor.dtype,
            "bytes": tensor.bytes,
        }
        for op, tensor in made[:_LARGEST]
    ]
