"""Which function writes the code of which operator.

A core with faster kernels gets a dictionary of its own here, built on `PORTABLE`. An emitter may
arrange weights as its kernel reads them. The emitted code must give the same bytes.
"""

from collections.abc import Callable, Mapping

from export.c_code.model.kernels.copying import concatenation, pad
from export.c_code.model.kernels.depthwise import depthwise_conv_2d
from export.c_code.model.kernels.elementwise import add, mul
from export.c_code.model.kernels.matrix import conv_2d, fully_connected
from export.c_code.model.kernels.mean import mean
from export.c_code.model.kernels.pool import average_pool_2d, max_pool_2d
from export.c_code.model.kernels.slicing import strided_slice
from export.c_code.model.kernels.softmax import softmax
from export.c_code.model.kernels.unary import hard_swish, logistic, quantize, relu, relu6, tanh
from export.c_code.model.layer import Layer, LayerCode

Emitter = Callable[[Layer], LayerCode]

PORTABLE: Mapping[str, Emitter] = {
    "ADD": add,
    "AVERAGE_POOL_2D": average_pool_2d,
    "CONCATENATION": concatenation,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "HARD_SWISH": hard_swish,
    "LOGISTIC": logistic,
    "MAX_POOL_2D": max_pool_2d,
    "MEAN": mean,
    "MUL": mul,
    "PAD": pad,
    "QUANTIZE": quantize,
    "RELU": relu,
    "RELU6": relu6,
    "SOFTMAX": softmax,
    "STRIDED_SLICE": strided_slice,
    "TANH": tanh,
}
# These only change a tensor's shape: no code, no memory.
RENAMING = ("RESHAPE",)
