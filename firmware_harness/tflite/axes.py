"""Mends a .tflite that TFLite Micro takes and the TFLite interpreter refuses.

TFLite Micro's example person_detect says of its biases, which have one dimension, that their
scales lie along dimension 3. TFLite Micro reads no axis of biases; the interpreter refuses the
file. A vector has one dimension only, so the axis can only be 0.
"""

import struct

from firmware_harness.tflite.flatbuffer import Damaged, FlatBuffer, Table

# Fields of the schema.
_GRAPHS, _TENSORS, _SHAPE, _QUANTIZATION, _AXIS = 2, 0, 0, 4, 6


def with_axes_in_range(content: bytes) -> bytes:
    """The file with axis 0 for each vector of scales whose axis is past its dimensions.

    A file that cannot be read stays as it is: the interpreter says what is wrong with it.
    """
    try:
        places = _wrong_axes(FlatBuffer(content).root())
    except Damaged:
        return content
    mended = bytearray(content)
    for place in places:
        struct.pack_into("<i", mended, place, 0)
    return bytes(mended)


def _wrong_axes(model: Table) -> set[int]:
    """Where the axes of vectors are stored that must be 0 and are not."""
    wrong: set[int] = set()
    right: set[int] = set()  # of tensors that may share a table with a vector
    for graph in model.tables(_GRAPHS):
        for tensor in graph.tables(_TENSORS):
            quantization = tensor.table(_QUANTIZATION)
            place = None if quantization is None else quantization.field_at(_AXIS)
            if quantization is None or place is None:
                continue
            axis, rank = quantization.integer(_AXIS), tensor.length(_SHAPE, 4)
            (wrong if rank == 1 and axis > 0 else right).add(place)
    return wrong - right
