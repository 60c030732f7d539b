"""One .tflite in the TFLite interpreter: load, inspect, run. Does not import tensorflow."""

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from ai_edge_litert.interpreter import (  # pyright: ignore[reportMissingTypeStubs]
    Interpreter,
    OpResolverType,
)
from numpy.typing import NDArray

from firmware_harness.bundle.read import ModelFile
from firmware_harness.errors import HarnessError
from firmware_harness.system.stderr import start_up_noise_held_back
from firmware_harness.tflite.axes import with_axes_in_range
from firmware_harness.tflite.quantization import Quantization

Resolver = Literal["default", "reference"]
MAX_THREADS = 128
_STATE = "VAR_HANDLE"  # the operator that names memory which outlives a run
_REASON_CHARACTERS = 300


@dataclass(frozen=True, kw_only=True)
class TensorInfo(Quantization):
    """A tensor of a model; `quantized` also holds if each channel has a scale of its own."""

    index: int
    shape: tuple[int, ...]
    quantized: bool

    @property
    def elements(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    def to_dict(self) -> dict[str, Any]:
        """The fields that reports and manifests use."""
        return {
            "shape": list(self.shape),
            "dtype": self.dtype,
            "scale": self.scale,
            "zero_point": self.zero_point,
        }


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One node of the graph. Omitted optional inputs are -1."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Model:
    """A model ready to run at the batch size it was exported with.

    Args:
      file: the model. The interpreter verifies its structure before it runs anything.
      resolver: "default" has optimized kernels and XNNPACK. "reference" has the plain kernels; they
        are slow, and microcontrollers follow them, in most operators bit for bit.
      threads: for one inference.

    Attributes:
      is_stream: the model keeps a state of its own from one run to the next.

    Raises:
      HarnessError: the interpreter refuses the model, or `threads` is out of range.
    """

    def __init__(self, file: ModelFile, *, resolver: Resolver = "default", threads: int = 1):
        if not 1 <= threads <= MAX_THREADS:
            raise HarnessError(f"threads must be 1 to {MAX_THREADS}, got {threads}.")
        self.file = file
        self.resolver: Resolver = resolver
        self.threads = threads
        reference = resolver == "reference"
        kernels = OpResolverType.BUILTIN_REF if reference else OpResolverType.BUILTIN
        # Only the default resolver makes a delegate, and so the noise.
        quietly = nullcontext() if reference else start_up_noise_held_back()
        with _refusals(file.name), quietly:
            self._interpreter: Any = Interpreter(
                model_content=with_axes_in_range(file.content),
                num_threads=threads,
                experimental_op_resolver_type=kernels,
            )
            self._interpreter.allocate_tensors()
            self.inputs = _tensor_infos(self._interpreter.get_input_details())
            self.outputs = _tensor_infos(self._interpreter.get_output_details())
        # A new interpreter alone would empty these; and as a stream they are tested better.
        self.is_stream = any(each.name == _STATE for each in self.operators())

    def operators(self) -> tuple[Operator, ...]:
        """Nodes of the main graph in order; a delegate appears as nodes named DELEGATE.

        Raises:
          HarnessError: the graph holds unreadable names.
        """
        with _refusals(self.file.name):
            # The interpreter has no public list of operators.
            nodes = cast(list[dict[str, Any]], self._interpreter._get_ops_details())
        return tuple(
            Operator(
                name=str(node["op_name"]),
                inputs=tuple(int(i) for i in node["inputs"]),
                outputs=tuple(int(i) for i in node["outputs"]),
            )
            for node in nodes
        )

    def tensors(self) -> dict[int, TensorInfo]:
        """Every named tensor of the main graph by index.

        Raises:
          HarnessError: the graph holds unreadable names.
        """
        with _refusals(self.file.name):
            infos = _tensor_infos(self._interpreter.get_tensor_details())
        return {info.index: info for info in infos}

    def delegate(self) -> str:
        """The delegate that took part of the graph, or "none"."""
        # XNNPACK is the only delegate the default resolver brings.
        return "XNNPACK" if any(o.name == "DELEGATE" for o in self.operators()) else "none"

    def set_inputs(self, values: Sequence[NDArray[Any]]) -> None:
        """Set each input's value, and clear the memory of recurrent layers.

        Not the memory of a model that reads a stream: each input goes on where the last one ended.
        """
        if not self.is_stream:
            self._interpreter.reset_all_variables()
        for info, value in zip(self.inputs, values, strict=True):
            self._interpreter.set_tensor(info.index, value)

    def invoke(self) -> None:
        self._interpreter.invoke()

    def run(self, values: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """First output for these inputs.

        Raises:
          HarnessError: a kernel stops.
        """
        return self.run_all(values)[0]

    def run_all(self, values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Copies of all outputs for these inputs.

        Raises:
          HarnessError: a kernel stops.
        """
        with _refusals(self.file.name):
            self.set_inputs(values)
            self.invoke()
            return [self._interpreter.get_tensor(info.index) for info in self.outputs]


def _tensor_infos(details: list[dict[str, Any]]) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(
            index=int(detail["index"]),
            shape=tuple(int(size) for size in detail["shape"]),
            dtype=np.dtype(detail["dtype"]).name,
            scale=float(detail["quantization"][0]),
            zero_point=int(detail["quantization"][1]),
            quantized=len(detail["quantization_parameters"]["scales"]) > 0,
        )
        for detail in details
    )


@contextmanager
def _refusals(name: str) -> Generator[None]:
    # Unreadable names in a damaged file raise UnicodeDecodeError, which is a ValueError.
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise HarnessError(
            f"the TFLite interpreter refuses {name}: {_first_reason(str(error))} {_way_out(error)}"
        ) from error


def _first_reason(said: str) -> str:
    """The interpreter's first sentence, and the node that it is about; it joins lines by nothing.

    >>> _first_reason("Was 3.Tensor 4 is wrong.Tensor 5 is wrong.Node number 2 (CONV) failed.")
    'Was 3. Node number 2 (CONV) failed.'
    """
    text = " ".join(said.split())
    parts = [part.strip(" .") for part in re.split(r"\.(?=[A-Z]|\s|$)|(?=Node number \d)", text)]
    kept = parts[:1] + [part for part in parts[1:] if part.startswith("Node number")][:1]
    return ". ".join(kept)[:_REASON_CHARACTERS] + "."


def _way_out(error: Exception) -> str:
    if "custom op" in str(error).lower():
        return "Custom operators cannot be measured."
    return "Convert the model again, or copy it again from where it came."
