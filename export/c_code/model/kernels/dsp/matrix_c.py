"""C of CONV_2D and FULLY_CONNECTED on the DSP extension: gathers patches, three at a time."""

from export.c_code.model.kernels.dsp.multiply import multiply_kernel, multiply_name
from export.c_code.model.kernels.dsp.rounding import Rounding
from export.c_code.model.kernels.dsp.words import WORDS
from export.c_code.model.kernels.matrix_c import CONV
from export.c_code.model.layer import Kernel

PATCH = Kernel(
    text="""\
static int8_t *copy_bytes(int8_t *to, const int8_t *from, int32_t count)
{
    for (int32_t i = 0; i < count; i++) to[i] = from[i];
    return to + count;
}

/* The taps of one row of the window; outside of the input they are its zero point. */
static int8_t *gather_row(const struct conv *conv, const int8_t *input, int32_t row,
                          int32_t column, int8_t *patch)
{
    int inside = row >= 0 && row < conv->rows;
    const int8_t *from = inside ? input + row * conv->columns * conv->depth : input;
    int whole = column >= 0 && column + conv->kernel_columns <= conv->columns;
    if (inside && whole && conv->dilation_columns == 1)
        return copy_bytes(patch, from + column * conv->depth, conv->kernel_columns * conv->depth);
    for (int32_t x = 0; x < conv->kernel_columns; x++) {
        if (inside && column >= 0 && column < conv->columns)
            patch = copy_bytes(patch, from + column * conv->depth, conv->depth);
        else
            for (int32_t c = 0; c < conv->depth; c++) *patch++ = (int8_t)conv->input_zero;
        column += conv->dilation_columns;
    }
    return patch;
}

/* All taps that output number `place` sees; `patch` is where they are put together, if need be. */
static const int8_t *patch_of(const struct conv *conv, const int8_t *input, int32_t place,
                              int8_t *patch)
{
    int32_t row = place / conv->output_columns * conv->stride_rows - conv->rows_before;
    int32_t column = place % conv->output_columns * conv->stride_columns - conv->columns_before;
    int8_t *next = patch;
    if (conv->kernel_rows * conv->kernel_columns == 1)
        return input + (row * conv->columns + column) * conv->depth;
    for (int32_t y = 0; y < conv->kernel_rows; y++) {
        next = gather_row(conv, input, row, column, next);
        row += conv->dilation_rows;
    }
    return patch;
}
""",
    needs=(CONV,),
)

WIDEN = Kernel(
    text="""\
/* A patch as doubled values of 16 bits: two words for four taps, six words apart, because three
 * patches are read together. Weights of taps past the last are 0. */
static void widen_patch(const int8_t *from, int32_t taps, uint32_t *to)
{
    int32_t t = 0;
    for (; t + 4 <= taps; t += 4) {
        uint32_t bytes = load_4(from + t);
        uint32_t even = even_bytes(bytes);
        uint32_t odd = odd_bytes(bytes);
        to[0] = add_halves(even, even);
        to[1] = add_halves(odd, odd);
        to += 6;
    }
    if (t == taps) return;
    uint32_t bytes = (uint8_t)from[t];
    if (t + 1 < taps) bytes |= (uint32_t)(uint8_t)from[t + 1] << 8;
    if (t + 2 < taps) bytes |= (uint32_t)(uint8_t)from[t + 2] << 16;
    uint32_t even = even_bytes(bytes);
    uint32_t odd = odd_bytes(bytes);
    to[0] = add_halves(even, even);
    to[1] = add_halves(odd, odd);
}
""",
    needs=(WORDS,),
)


def convolve_name(bits: int, rounding: Rounding) -> str:
    return f"convolve_{bits}_bits{'_signed' if rounding.negatives else ''}"


def convolve_kernel(bits: int, rounding: Rounding) -> Kernel:
    """Three outputs at a time. A last one or two are written over by themselves."""
    multiply = multiply_name(bits, rounding)
    return Kernel(
        text=f"""\
/* `work` holds three widened patches, then one of bytes. Patches are read before the outputs of
 * their three are written, so a pointwise layer may write over its input. */
static void {convolve_name(bits, rounding)}(const struct conv *conv, const uint32_t *weights,
                            const int8_t *input, int8_t *output, int32_t *work)
{{
    int32_t outputs = conv->output_rows * conv->output_columns;
    int32_t taps = conv->kernel_rows * conv->kernel_columns * conv->depth;
    int32_t quads = (taps + 3) / 4;
    int32_t pairs = conv->output_depth / 2;
    uint32_t *patches = (uint32_t *)work;
    int8_t *patch = (int8_t *)(work + 6 * quads);
    for (int32_t first = 0; first < outputs; first += 3) {{
        int32_t left = outputs - first;
        int32_t second = left > 1 ? conv->output_depth : 0;
        int32_t third = left > 2 ? 2 * conv->output_depth : second;
        for (int32_t p = 0; p < 3 && p < left; p++)
            widen_patch(patch_of(conv, input, first + p, patch), taps, patches + 2 * p);
        {multiply}(patches, weights, quads, pairs, output, second, third);
        if (conv->output_depth % 2 != 0)
            {multiply}(patches, weights + pairs * (8 + {bits // 4} * quads), quads, 1,
                       output + conv->output_depth - 2, second, third);
        output += 3 * conv->output_depth;
    }}
}}
""",
        needs=(PATCH, WIDEN, multiply_kernel(bits, rounding)),
    )
