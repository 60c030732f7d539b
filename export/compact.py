"""Write a .tflite again with equal parts once, a quarter smaller and the same to every reader.

The converter writes a vector for each tensor's shape, scales and zero points, though most zero
points are rows of zeros, eight bytes each. FlatBuffers lets tables share a vector. It also numbers
constants that no layer named; without these names 24 bytes each are saved.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as untyped
from numpy.typing import NDArray

schema: Any = untyped
_NUMBERED = (b"arith.constant", b"tfl.pseudo_qconst")
_ALIGNMENT = 16  # of weights, as TensorFlow Lite's schema has it: devices read them in place


def compact(content: bytes) -> bytes:
    """A copy of a .tflite in which equal vectors and strings stand once, constants unnumbered.

    Args:
      content: trusted: written by the converter.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.name.startswith(_NUMBERED):
                tensor.name = b""
    return packed(model, size=len(content))


def packed(model: Any, *, size: int) -> bytes:
    """The .tflite of a `ModelT`, about `size` bytes, with equal parts once."""
    builder = _Sharing(size)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


class _Sharing(flatbuffers.Builder):
    """A builder that hands out the place of an equal vector or string that it wrote before."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._places: dict[tuple[str, bytes], int] = {}

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:
        alignment = _ALIGNMENT if elemSize == 1 else alignment
        return int(super().StartVector(elemSize, numElems, alignment))

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:
        key = (x.dtype.str, x.tobytes())
        if key not in self._places:
            self._places[key] = int(super().CreateNumpyVector(x))
        return self._places[key]

    def CreateString(self, s: bytes, encoding: str = "utf-8", errors: str = "strict") -> int:
        key = ("string", s)
        if key not in self._places:
            self._places[key] = int(super().CreateString(s, encoding, errors))
        return self._places[key]
