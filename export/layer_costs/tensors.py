"""Compare an integer model's tensors with those of its float twin: range, scale, noise."""

# pyright: reportMissingTypeStubs=false

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from export.tflite.interpreter import FAST, GOLDEN
from export.tflite.quantization import Quantization, least_and_most, reachable, real_values


@dataclass(frozen=True, kw_only=True)
class Scales:
    """Like Quantization, but channels may have scales of their own.

    Args:
      dtype: NumPy's name of the type.
      scales: one, or one for each channel.
      zero_points: as many as `scales`.
      axis: the axis of the channels.
    """

    dtype: str
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int32]
    axis: int

    @property
    def only(self) -> Quantization:
        """The Quantization of a tensor with one scale."""
        return Quantization(
            dtype=self.dtype, scale=float(self.scales[0]), zero_point=int(self.zero_points[0])
        )

    def holds(self) -> tuple[float, float]:
        """Least and greatest value that it can store, in its widest channel."""
        low, high = self.ends(rank=1)
        return float(low.min()), float(high.max())

    def ends(self, *, rank: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least and greatest value of each channel, broadcastable to values with `rank` axes."""
        return least_and_most(self.dtype, **self._channels(rank))

    def values(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Stored integers as floats."""
        return real_values(stored, **self._channels(stored.ndim)).astype(np.float32)

    def clipped(self, values: NDArray[np.float64]) -> int:
        """How many values lie more than half a step outside the range."""
        low, high = self.ends(rank=values.ndim)
        half = self._channels(values.ndim)["scale"] / 2
        return int(np.count_nonzero((values < low - half) | (values > high + half)))

    def _channels(self, rank: int) -> dict[str, NDArray[Any]]:
        """Scales and zero points along the channel axis, for an array with `rank` axes."""
        shape = [1] * rank
        shape[self.axis if rank > self.axis else 0] = -1
        return {"scale": self.scales.reshape(shape), "zero_point": self.zero_points.reshape(shape)}


class Twin:
    """A model whose every tensor can be read after a run."""

    def __init__(self, path: Path, *, reference: bool) -> None:
        with warnings.catch_warnings():
            # The interpreter warns that this takes memory; it is intended.
            warnings.simplefilter("ignore", UserWarning)
            self._interpreter: Any = Interpreter(
                str(path),
                experimental_op_resolver_type=GOLDEN if reference else FAST,
                experimental_preserve_all_tensors=True,
            )
        self._interpreter.allocate_tensors()
        self._details: dict[int, Any] = {
            int(each["index"]): each for each in self._interpreter.get_tensor_details()
        }
        self._input = self._interpreter.get_input_details()[0]

    def run(self, crop: NDArray[Any]) -> None:
        """Run one crop as the model stores it, [frames, bins]."""
        self._interpreter.reset_all_variables()
        self._interpreter.set_tensor(self._input["index"], crop.reshape(self._input["shape"]))
        self._interpreter.invoke()

    def tensor(self, index: int) -> NDArray[Any]:
        return self._interpreter.get_tensor(index)

    def shape(self, index: int) -> tuple[int, ...]:
        return tuple(int(size) for size in self._details[index]["shape"])

    def scales(self, index: int) -> Scales | None:
        """The scales of a tensor; None if it is not quantized."""
        detail = self._details[index]
        stored = detail["quantization_parameters"]
        if not len(stored["scales"]) or np.dtype(detail["dtype"]).kind != "i":
            return None
        return Scales(
            dtype=np.dtype(detail["dtype"]).name,
            scales=stored["scales"],
            zero_points=stored["zero_points"],
            axis=int(stored["quantized_dimension"]),
        )


class Noise:
    """Sums up the error of one tensor over many crops, or of weights at once.

    Args:
      scales: of the integer tensor.
      saturates: values below the integers' range count as the lowest of them, as for logits.
    """

    def __init__(self, scales: Scales, *, saturates: bool = False) -> None:
        self._scales = scales
        self._saturates = saturates
        self._low, self._high = math.inf, -math.inf
        self._values = self._clipped = 0
        self._signal = self._error = 0.0
        self._worst_channel: float | None = None

    def add(self, floating: NDArray[np.float32], stored: NDArray[Any]) -> None:
        """Add the tensor of the float model and of the integer model (as stored)."""
        exact = floating.astype(np.float64).reshape(stored.shape)
        self._low, self._high = min(self._low, exact.min()), max(self._high, exact.max())
        if self._saturates:
            exact = reachable(exact, self._scales.only)
        error = exact - self._scales.values(stored)
        self._values += exact.size
        self._clipped += self._scales.clipped(exact)
        self._signal += float(np.square(exact).sum())
        self._error += float(np.square(error).sum())
        if len(self._scales.scales) > 1:
            self._worst_channel = _worst(exact, error, axis=self._scales.axis)

    def to_dict(self) -> dict[str, Any]:
        """Fields of a tensor in quantization.json."""
        low, high = self._scales.holds()
        return {
            "dtype": self._scales.dtype,
            "range": [float(self._low), float(self._high)],
            "holds": [low, high],
            "scale": float(self._scales.scales.max()),
            "channels": len(self._scales.scales),
            "clipped": self._clipped / self._values,
            "snr_db": decibels(self._signal, self._error),
            "worst_channel_snr_db": self._worst_channel,
        }


def decibels(signal: float, error: float) -> float | None:
    """Signal to noise in dB; None if either is zero.

    >>> decibels(100.0, 1.0), decibels(1.0, 0.0)
    (20.0, None)
    """
    return 10 * math.log10(signal / error) if signal > 0 and error > 0 else None


def _worst(exact: NDArray[Any], error: NDArray[Any], *, axis: int) -> float | None:
    others = tuple(each for each in range(exact.ndim) if each != axis)
    pairs = zip(np.square(exact).sum(others), np.square(error).sum(others), strict=True)
    ratios = [decibels(float(signal), float(noise)) for signal, noise in pairs]
    return min((ratio for ratio in ratios if ratio is not None), default=None)
