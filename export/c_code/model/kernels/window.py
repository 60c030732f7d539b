"""The window of a convolution or pooling: strides, dilation, padding, sizes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.c_code.model.layer import Layer

_SAME = 0  # schema.fbs, Padding
MAX_EXTENT = 2**24  # so that positions in the padded input fit 32 bits


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The window along one axis.

    Args:
      taps: taps of the kernel.
      before: padding in front of the first input.
    """

    input: int
    output: int
    taps: int
    stride: int
    dilation: int
    before: int

    @property
    def extent(self) -> int:
        """Inputs from the first tap to the last."""
        return (self.taps - 1) * self.dilation + 1

    @property
    def padded(self) -> int:
        """Inputs with the padding on both sides."""
        return max(self.before + self.input, (self.output - 1) * self.stride + self.extent)

    @property
    def after(self) -> int:
        """Padding behind the last input."""
        return self.padded - self.before - self.input


_PIXEL = Axis(input=1, output=1, taps=1, stride=1, dilation=1, before=0)


@dataclass(frozen=True, kw_only=True)
class Window:
    """The window along rows and along columns."""

    rows: Axis
    columns: Axis

    def pair(self, field: str) -> tuple[int, int]:
        """A field of `Axis`: its value for rows, then for columns."""
        return getattr(self.rows, field), getattr(self.columns, field)

    @property
    def text(self) -> str:
        """For comments: window 3x3, stride 2x1, dilation 2."""
        parts = ["window {}x{}".format(*self.pair("taps"))]
        for name in ("stride", "dilation"):
            down, across = self.pair(name)
            size = f"{down}" if down == across else f"{down}x{across}"
            if name == "stride" or size != "1":
                parts.append(f"{name} {size}")
        return ", ".join(parts)

    @property
    def pointwise(self) -> bool:
        """True if each output pixel depends on the same input pixel only."""
        return all(
            axis.taps == 1 and axis.stride == 1 and axis.before == 0 and axis.input == axis.output
            for axis in (self.rows, self.columns)
        )


def middle_pixels(where: Window) -> NDArray[np.int64]:
    """Where the window of the middle output lies: a pixel of the input a tap, -1 in the padding."""
    rows, columns = _middle(where.rows)[:, None], _middle(where.columns)
    return np.where((rows < 0) | (columns < 0), -1, rows * where.columns.input + columns).ravel()


def _middle(axis: Axis) -> NDArray[np.int64]:
    start = axis.output // 2 * axis.stride - axis.before
    taps = start + np.arange(axis.taps) * axis.dilation
    return np.where((taps >= 0) & (taps < axis.input), taps, -1)


def window(
    layer: Layer, *, taps: tuple[int, int], strides: tuple[int, int], dilations: tuple[int, int]
) -> Window:
    """The window of a layer whose options begin with the kind of padding.

    Pairs hold rows first, then columns.
    """
    rows, columns, _ = layer.image(layer.input())
    down, across, _ = layer.image(layer.output)
    same = layer.node.option(0, kind="<b") == _SAME
    axes = [
        _axis(layer, *sizes, same=same)
        for sizes in zip((rows, columns), (down, across), taps, strides, dilations, strict=True)
    ]
    return Window(rows=axes[0], columns=axes[1])


def _axis(
    layer: Layer, size: int, output: int, taps: int, stride: int, dilation: int, *, same: bool
) -> Axis:
    extent = (taps - 1) * dilation + 1
    layer.require(extent <= MAX_EXTENT, f"its window spans {extent} values")
    expected = -(-(size if same else size - extent + 1) // stride)
    layer.require(
        output == expected,
        f"a window of {taps} taps over {size} gives {expected} outputs, but the file says {output}",
    )
    padding = max(0, (output - 1) * stride + extent - size) if same else 0
    return Axis(
        input=size,
        output=output,
        taps=taps,
        stride=stride,
        dilation=dilation,
        before=padding // 2,
    )


def window_rows(where: Window | None) -> tuple[tuple[tuple[int, int], str], ...]:
    """Window, strides, dilations and padding for `struct_text`; None means a single pixel."""
    where = where or Window(rows=_PIXEL, columns=_PIXEL)
    return (
        (where.pair("taps"), "window: rows, columns"),
        (where.pair("stride"), "strides"),
        (where.pair("dilation"), "dilations"),
        (where.pair("before"), "padding before"),
    )
