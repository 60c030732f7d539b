"""AVERAGE_POOL_2D and MAX_POOL_2D."""

from export.c_code.model.c_text import call_text, shape_text, struct_text
from export.c_code.model.kernels.window import Window, window
from export.c_code.model.layer import Kernel, Layer, LayerCode, clamp

SHAPE = Kernel(
    text="""\
/* A pooling. What of a window lies in the padding does not count. */
struct pool {
    int32_t rows, columns, depth;        /* of the input */
    int32_t window_rows, window_columns;
    int32_t stride_rows, stride_columns;
    int32_t rows_before, columns_before; /* padding */
    int32_t output_rows, output_columns;
};

static inline int32_t at_least(int32_t value, int32_t low) { return value < low ? low : value; }
static inline int32_t at_most(int32_t value, int32_t high) { return value > high ? high : value; }
"""
)


def _kernel(name: str, start: str, step: str, end: str) -> Kernel:
    return Kernel(
        text=f"""\
static void {name}(const struct pool *p, const int8_t *input, int8_t *output)
{{
    for (int32_t y = 0; y < p->output_rows; y++) {{
        int32_t top = y * p->stride_rows - p->rows_before;
        int32_t bottom = at_most(top + p->window_rows, p->rows);
        top = at_least(top, 0);
        for (int32_t x = 0; x < p->output_columns; x++) {{
            int32_t left = x * p->stride_columns - p->columns_before;
            int32_t right = at_most(left + p->window_columns, p->columns);
            left = at_least(left, 0);
            for (int32_t c = 0; c < p->depth; c++) {{
                int32_t value = {start};
                for (int32_t row = top; row < bottom; row++) {{
                    const int8_t *from = input + (row * p->columns + left) * p->depth + c;
                    for (int32_t column = left; column < right; column++) {{
                        {step}
                        from += p->depth;
                    }}
                }}
{end}                *output++ = (int8_t)value;
            }}
        }}
    }}
}}
""",
        needs=(SHAPE,),
    )


_ROUND = """\
                int32_t count = (bottom - top) * (right - left);
                value = (value > 0 ? value + count / 2 : value - count / 2) / count;
"""
AVERAGE = _kernel("average_pool", "0", "value += *from;", _ROUND)
MAX = _kernel("max_pool", "-128", "value = at_least(value, *from);", "")


def average_pool_2d(layer: Layer) -> LayerCode:
    """AVERAGE_POOL_2D: the mean of the part of the window that lies in the input."""
    return pool_code(layer, AVERAGE, "average_pool")


def max_pool_2d(layer: Layer) -> LayerCode:
    """MAX_POOL_2D."""
    return pool_code(layer, MAX, "max_pool")


def pool_window(layer: Layer) -> Window:
    """Options: padding, strides (columns, rows), window (columns, rows)."""
    return window(
        layer,
        taps=(layer.size(4, "window"), layer.size(3, "window")),
        strides=(layer.size(2, "stride"), layer.size(1, "stride")),
        dilations=(1, 1),
    )


def pool_code(layer: Layer, kernel: Kernel, call: str) -> LayerCode:
    """Options as those of `pool_window`, then an activation.

    `kernel` is a function `call` as `average_pool` is one.
    """
    rows, columns, depth = layer.image(layer.input())
    where = pool_window(layer)
    layer.require(layer.output.shape[3] == depth, "input and output differ in channels")
    layer.require(
        layer.input().zero_point == layer.output.zero_point
        and abs(layer.input().scale - layer.output.scale) <= 1e-6,
        "input and output differ in scale, which TFLite Micro refuses too",
    )
    name = layer.node.function
    clamping, clamp_kernel = clamp(layer, 5)
    shape = struct_text(
        "pool",
        f"{name}_shape",
        ((rows, columns, depth), "input: rows, columns, channels"),
        (where.pair("taps"), "window: rows, columns"),
        (where.pair("stride"), "strides"),
        (where.pair("before"), "padding before"),
        (where.pair("output"), "output: rows, columns"),
    )
    return LayerCode(
        comment=f"{shape_text(layer.input().shape)} -> {shape_text(layer.output.shape)}, "
        f"{where.text}",
        arguments=(layer.index(0),),
        body=call_text(call, f"&{name}_shape", "input", "output") + clamping,
        tables=shape,
        kernels=(kernel, *clamp_kernel),
    )
