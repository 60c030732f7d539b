"""Which function writes the DSP extension's code of which operator."""

from collections.abc import Callable, Mapping

from export.c_code.model.kernels.dsp.depthwise import depthwise_conv_2d
from export.c_code.model.kernels.dsp.elementwise import add, mul
from export.c_code.model.kernels.dsp.matrix import conv_2d, fully_connected
from export.c_code.model.kernels.dsp.mean import average_pool_2d, mean
from export.c_code.model.layer import Layer, Variant
from export.c_code.optimize import Optimize

VariantEmitter = Callable[[Layer, Optimize], Variant | None]

DSP: Mapping[str, VariantEmitter] = {
    "ADD": add,
    "AVERAGE_POOL_2D": average_pool_2d,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "MEAN": mean,
    "MUL": mul,
}
