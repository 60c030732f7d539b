"""The parts of a model that are quantized one by one: its input, and each layer with weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from export.layer_costs.match import Layer
from export.layer_costs.tensors import Scales, Twin
from export.tflite.facts import FLOAT_TYPES
from export.tflite.graph import Graph
from export.tflite.rounding import Rounding

INPUT = "input"
# If input and output have the same scale, these round nothing: their input was already rounded.
_MOVING = (
    "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "STRIDED_SLICE", "SLICE", "SPLIT", "PACK",
    "UNPACK", "PAD", "PADV2", "MIRROR_PAD", "MAX_POOL_2D", "CONCATENATION", "GATHER", "RELU",
    "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A tensor's index in the float and in the integer model, and how the integer one stores it."""

    floating: int
    integer: int
    scales: Scales


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the model.

    Args:
      name: of the layer; `INPUT` for the model's input.
      operator: operator name of TFLite; empty for the input.
      tensor: the converter's name of its output.
      number: position of the operator in the float graph.
      outputs: its output tensors.
      constants: its constant inputs, by position among its inputs.
      moves_only: it computes nothing, so it rounds nothing.
    """

    name: str
    operator: str
    tensor: str
    number: int | None = None
    outputs: tuple[Pair, ...]
    constants: Mapping[int, Pair] = field(default_factory=dict[int, Pair])
    moves_only: bool = False

    def rounding(self, integer: Twin) -> Rounding:
        """What quantizing this part changes in the float model."""
        return Rounding(
            operator=self.number,
            constants={
                position: pair.scales.values(integer.tensor(pair.integer))
                for position, pair in self.constants.items()
            },
            outputs={pair.floating: pair.scales.only for pair in self.outputs},
        )


def input_part(floating: Graph, integer: Graph, twin: Twin) -> Part:
    """The model's input, which the application rounds."""
    index = floating.inputs[0]
    pair = _pair(floating, index, index_there=integer.inputs[0], twin=twin)
    name = floating.tensors[index].name
    return Part(name=INPUT, operator="", tensor=name, outputs=(pair,) if pair else ())


def layer_part(layer: Layer, floating: Graph, twin: Twin) -> Part:
    """One operator. `twin` is the integer model."""
    given = zip(layer.floating.outputs, layer.integer.outputs, strict=False)
    outputs = [_pair(floating, one, index_there=other, twin=twin) for one, other in given]
    taken = enumerate(zip(layer.floating.inputs, layer.integer.inputs, strict=False))
    constants = {
        position: _pair(floating, one, index_there=other, twin=twin)
        for position, (one, other) in taken
        if one >= 0 and other >= 0 and floating.tensors[one].constant
    }
    return Part(
        name=layer.name,
        operator=layer.floating.name,
        tensor=floating.tensors[layer.floating.outputs[0]].name,
        number=layer.number,
        outputs=tuple(pair for pair in outputs if pair),
        constants={position: pair for position, pair in constants.items() if pair},
        moves_only=layer.floating.name in _MOVING and _same_scale(layer, twin),
    )


def _same_scale(layer: Layer, twin: Twin) -> bool:
    taken, given = (twin.scales(each[0]) for each in (layer.integer.inputs, layer.integer.outputs))
    return taken is not None and given is not None and taken.only == given.only


def _pair(floating: Graph, index: int, *, index_there: int, twin: Twin) -> Pair | None:
    """None if quantization does not affect the tensor, or if the twins' shapes differ."""
    tensor = floating.tensors[index]
    scales = twin.scales(index_there)
    if tensor.dtype not in FLOAT_TYPES or scales is None:
        return None
    if twin.shape(index_there) != tensor.shape:
        return None
    return Pair(floating=index, integer=index_there, scales=scales)
