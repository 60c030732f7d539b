"""What each kernel family returns for a layer, and helpers to check and write it."""

from collections.abc import Sequence
from dataclasses import dataclass

from export.c_code.model.c_text import call_text
from export.c_code.model.ir import MAX_SIZE, Model, Node, Value
from export.c_code.model.requantize import (
    ACTIVATIONS,
    Multiplier,
    activation_range,
    multiplier,
)
from export.c_code.model.sums import Sums
from export.errors import ExportError


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """C functions that layers share; written once, after the kernels they need."""

    text: str
    needs: tuple["Kernel", ...] = ()


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A layer's code for cores with the DSP extension, in place of its portable code.

    It may overwrite the inputs that the portable code may overwrite.

    Args:
      name: of its kernel.
      body, tables, kernels, work_bytes: as in `LayerCode`.
      weight_bytes: of weights and scales in flash.
      instructions: that one run is expected to take.
    """

    name: str
    body: str
    tables: str
    kernels: tuple[Kernel, ...]
    work_bytes: int
    weight_bytes: int
    instructions: int


@dataclass(frozen=True, kw_only=True)
class LayerCode:
    """The C code of one layer.

    Args:
      comment: describes the layer: shapes, kernel, stride.
      arguments: values that the function reads, in the order of its parameters.
      body: statements; they read `input` (or `input_0`, `input_1` ... if there are several), write
        `output` and may use `work`.
      tables: constants in front of the function.
      kernels: kernels that the body calls.
      work_bytes: size of `work`.
      in_place: positions in `arguments` whose memory `output` may reuse if it is not larger.
      sums: the sums behind one output pixel, for layers that rescale sums.
      dsp: its code for cores with the DSP extension; None if they run the portable code.
    """

    comment: str
    arguments: tuple[int, ...]
    body: str
    tables: str = ""
    kernels: tuple[Kernel, ...] = ()
    work_bytes: int = 0
    in_place: tuple[int, ...] = ()
    sums: Sums | None = None
    dsp: Variant | None = None

    @property
    def most_work_bytes(self) -> int:
        """Size of `work` that is enough for every core."""
        return max(self.work_bytes, self.dsp.work_bytes if self.dsp else 0)


class Layer:
    """One node with its tensors, which are checked on access."""

    def __init__(self, model: Model, node: Node) -> None:
        self.model = model
        self.node = node
        self.output = self.activation(node.output)

    def refuse(self, reason: str) -> ExportError:
        """The error that names this layer; the caller raises it."""
        return self.model.refuse(self.node, reason)

    def require(self, condition: bool, reason: str) -> None:
        """Raise the error that names this layer unless `condition` holds."""
        if not condition:
            raise self.refuse(reason)

    def index(self, position: int) -> int:
        """Index of an input, -1 if it is omitted."""
        return self.node.inputs[position] if position < len(self.node.inputs) else -1

    def input(self, position: int = 0) -> Value:
        """An int8 input with one scale."""
        return self.activation(self.index(position))

    def activation(self, index: int) -> Value:
        """An int8 tensor with one scale and no empty dimension."""
        self.require(index >= 0, "an input is missing")
        value = self.model.values[index]
        self.require(
            value.dtype == "int8" and len(value.scales) == 1 and value.scale > 0,
            f"tensor {value.name!r} must be int8 with one scale, got {value.dtype} with "
            f"{len(value.scales)}. Convert the model with full integer quantization to int8",
        )
        self.require(-128 <= value.zero_point <= 127, f"zero point {value.zero_point} is not int8")
        self.require(value.elements > 0, f"tensor {value.name!r} is empty")
        return value

    def constant(self, position: int, dtype: str) -> Value:
        """A constant input."""
        index = self.index(position)
        self.require(index >= 0, f"input {position} is missing")
        value = self.model.values[index]
        self.require(
            value.data is not None and value.dtype == dtype,
            f"input {position} must be a constant of {dtype}, got {value.dtype}",
        )
        return value

    def image(self, value: Value) -> tuple[int, int, int]:
        """Height, width and channels of a tensor [1, height, width, channels]."""
        self.require(
            len(value.shape) == 4 and value.shape[0] == 1,
            f"tensor {value.name!r} must be [1, height, width, channels], got {list(value.shape)}",
        )
        return value.shape[1], value.shape[2], value.shape[3]

    def size(self, field: int, what: str, *, default: int = 0) -> int:
        """A size from the options, such as a stride or dilation."""
        size = self.node.option(field, default=default)
        self.require(1 <= size <= MAX_SIZE, f"its {what} is {size}")
        return size

    def activation_limits(self, field: int) -> tuple[int, int]:
        """Lowest and highest output after the activation in field `field` of the options."""
        number = self.node.option(field, kind="<b")
        self.require(number in ACTIVATIONS, f"fused activation {number} is not known")
        return activation_range(number, scale=self.output.scale, zero_point=self.output.zero_point)

    def sum_factors(self, weight_scales: Sequence[float]) -> list[float]:
        """For each channel the factor from steps of a sum of products to steps of the output.

        In double precision, as in the TFLite Micro of the extra `tflm`. Its releases up to August
        2026 multiply the scales of a dense layer with one scale for all weights in 32 bits.
        """
        return [self.input().scale * scale / self.output.scale for scale in weight_scales]

    def multiplier(self, factor: float) -> Multiplier:
        """A factor between scales as TFLM stores it."""
        try:
            return multiplier(factor)
        except (ValueError, OverflowError) as error:
            raise self.refuse(f"its scales do not fit together ({error})") from error


CLAMP = Kernel(
    text="""\
/* Cuts values to the range of a fused activation. */
static void clamp(int8_t *values, int32_t count, int8_t low, int8_t high)
{
    for (int32_t i = 0; i < count; i++) {
        if (values[i] < low) values[i] = low;
        if (values[i] > high) values[i] = high;
    }
}
"""
)


def clamp(layer: Layer, field: int) -> tuple[str, tuple[Kernel, ...]]:
    """Statement and kernel of a fused activation, applied after the output is cut to int8.

    Args:
      layer: gives the limits.
      field: field of the activation in the layer's options.
    """
    low, high = layer.activation_limits(field)
    if (low, high) == (-128, 127):
        return "", ()
    count = layer.output.elements
    return call_text("clamp", "output", str(count), str(low), str(high)), (CLAMP,)
