"""C of CONV_2D and FULLY_CONNECTED: two outputs share one multiplication."""

from export.c_code.model.kernels.rescale import REQUANTIZE_ANY, REQUANTIZES, Way
from export.c_code.model.layer import Kernel

CONV = Kernel(
    text="""\
struct conv {
    int32_t rows, columns, depth;        /* of the input */
    int32_t kernel_rows, kernel_columns;
    int32_t stride_rows, stride_columns;
    int32_t dilation_rows, dilation_columns;
    int32_t rows_before, columns_before; /* padding */
    int32_t output_rows, output_columns, output_depth;
    int32_t input_zero, output_zero;     /* zero points; padding holds the input's */
};
"""
)

GATHER = Kernel(
    text="""\
/* The patches that two outputs see. Two values share a word, the second times 2^23, so
 * that one multiplication serves both. */
static inline const int8_t *tap_of(const struct conv *conv, const int8_t *input,
                                   const int8_t *padding, int32_t row, int32_t column)
{
    if (row < 0 || row >= conv->rows || column < 0 || column >= conv->columns) return padding;
    return input + (row * conv->columns + column) * conv->depth;
}

static void gather_pair(const struct conv *conv, const int8_t *input, const int8_t *padding,
                        int32_t first, int32_t second, int32_t *pairs)
{
    int32_t row_0 = first / conv->output_columns * conv->stride_rows - conv->rows_before;
    int32_t row_1 = second / conv->output_columns * conv->stride_rows - conv->rows_before;
    int32_t from_0 = first % conv->output_columns * conv->stride_columns - conv->columns_before;
    int32_t from_1 = second % conv->output_columns * conv->stride_columns - conv->columns_before;
    for (int32_t y = 0; y < conv->kernel_rows; y++) {
        int32_t column_0 = from_0;
        int32_t column_1 = from_1;
        for (int32_t x = 0; x < conv->kernel_columns; x++) {
            const int8_t *tap_0 = tap_of(conv, input, padding, row_0, column_0);
            const int8_t *tap_1 = tap_of(conv, input, padding, row_1, column_1);
            for (int32_t c = 0; c < conv->depth; c++) *pairs++ = tap_0[c] + tap_1[c] * (1 << 23);
            column_0 += conv->dilation_columns;
            column_1 += conv->dilation_columns;
        }
        row_0 += conv->dilation_rows;
        row_1 += conv->dilation_rows;
    }
}
""",
    needs=(CONV,),
)

_MULTIPLY_PAIR = """\
/* Rows of weights times two patches, two rows at a time: a 64 bit sum holds the first patch's in
 * its lower 23 bits and the second's above. |first sum| < 2^22. With an odd number of rows the
 * last pair shares a row with the one before. */
static void multiply_pair$WAY(const int32_t *pairs, int32_t taps, const int8_t *weights,
                          const struct channel *channels, int32_t count, int32_t odd_zero,
                          int8_t *output_0, int8_t *output_1)
{
    for (int32_t i = 0; i < count; i += 2) {
        int32_t row = i < count - 2 ? i : count - 2;
        const struct channel *channel = channels + row;
        const int8_t *weight_0 = weights + row * taps;
        const int8_t *weight_1 = weight_0 + taps;
        int64_t sum_0 = 0;
        int64_t sum_1 = 0;
        for (int32_t t = 0; t < taps; t++) {
            int32_t pair = pairs[t];
            sum_0 += (int64_t)pair * weight_0[t];
            sum_1 += (int64_t)pair * weight_1[t];
        }
        int32_t upper_0 = (int32_t)((sum_0 + (1 << 22)) >> 23);
        int32_t upper_1 = (int32_t)((sum_1 + (1 << 22)) >> 23);
        int32_t lower_0 = (int32_t)(sum_0 - (int64_t)upper_0 * (1 << 23));
        int32_t lower_1 = (int32_t)(sum_1 - (int64_t)upper_1 * (1 << 23));
        output_0[row] = requantize$WAY(lower_0, channel, odd_zero);
        output_0[row + 1] = requantize$WAY(lower_1, channel + 1, odd_zero);
        output_1[row] = requantize$WAY(upper_0, channel, odd_zero);
        output_1[row + 1] = requantize$WAY(upper_1, channel + 1, odd_zero);
    }
}
"""

MULTIPLY_PAIR_ANY = Kernel(
    text="""\
/* As `multiply_pair`, for sums and multipliers of every size, and for a single row. */
static void multiply_pair_any(const int32_t *pairs, int32_t taps, const int8_t *weights,
                              const struct channel *channels, int32_t count, int32_t zero,
                              int8_t *output_0, int8_t *output_1)
{
    for (int32_t row = 0; row < count; row++) {
        int32_t lower = 0;
        int32_t upper = 0;
        for (int32_t t = 0; t < taps; t++) {
            int32_t second = (pairs[t] + 128) >> 23;
            lower += (pairs[t] - second * (1 << 23)) * *weights;
            upper += second * *weights++;
        }
        output_0[row] = requantize_any(lower, channels + row, zero);
        output_1[row] = requantize_any(upper, channels + row, zero);
    }
}
""",
    needs=(REQUANTIZE_ANY,),
)


def _multiply_pair(way: Way) -> Kernel:
    if way is Way.ANY:
        return MULTIPLY_PAIR_ANY
    return Kernel(text=_MULTIPLY_PAIR.replace("$WAY", way.value), needs=(REQUANTIZES[way],))


def _conv_kernel(way: Way) -> Kernel:
    name = way.value
    return Kernel(
        text=f"""\
/* Two outputs at a time; an odd last one is computed twice. `work` holds a word for each tap, then
 * `depth` bytes of padding. */
static void convolve{name}(const struct conv *conv, const int8_t *weights,
                     const struct channel *channels, const int8_t *input, int8_t *output,
                     int32_t *work)
{{
    int32_t outputs = conv->output_rows * conv->output_columns;
    int32_t taps = conv->kernel_rows * conv->kernel_columns * conv->depth;
    int8_t *padding = (int8_t *)(work + taps);
    for (int32_t c = 0; c < conv->depth; c++) padding[c] = (int8_t)conv->input_zero;
    for (int32_t first = 0; first < outputs; first += 2) {{
        int32_t second = first + 1 < outputs ? first + 1 : first;
        gather_pair(conv, input, padding, first, second, work);
        multiply_pair{name}(work, taps, weights, channels, conv->output_depth,
                      {way.zero("conv->output_zero")}, output + first * conv->output_depth,
                      output + second * conv->output_depth);
    }}
}}
""",
        needs=(GATHER, _multiply_pair(way)),
    )


def row_kernel(way: Way, *, start: str = "", needs: tuple[Kernel, ...] = ()) -> Kernel:
    """The kernel of a dense layer of one row.

    Args:
      way: how outputs are rescaled.
      start: C that sums the first `t` taps, if a core has something better for them.
      needs: kernels that it calls.
    """
    name = way.value
    return Kernel(
        text=f"""\
/* One row of values times rows of weights, four at a time; the last four share rows with those
 * before. Fewer than four come one by one. */
static void multiply_row{name}(const int8_t *input, int32_t taps, const int8_t *weights,
                         const struct channel *channels, int32_t count, int32_t odd_zero,
                         int8_t *output)
{{
    for (int32_t i = 0; count >= 4 && i < count; i += 4) {{
        int32_t row = i < count - 4 ? i : count - 4;
        const int8_t *weight_0 = weights + row * taps;
        const int8_t *weight_1 = weight_0 + taps;
        const int8_t *weight_2 = weight_1 + taps;
        const int8_t *weight_3 = weight_2 + taps;
        int32_t sum_0 = 0, sum_1 = 0, sum_2 = 0, sum_3 = 0;
        int32_t t = 0;
{start}        for (; t < taps; t++) {{
            int32_t value = input[t];
            sum_0 += value * weight_0[t];
            sum_1 += value * weight_1[t];
            sum_2 += value * weight_2[t];
            sum_3 += value * weight_3[t];
        }}
        output[row] = requantize{name}(sum_0, channels + row, odd_zero);
        output[row + 1] = requantize{name}(sum_1, channels + row + 1, odd_zero);
        output[row + 2] = requantize{name}(sum_2, channels + row + 2, odd_zero);
        output[row + 3] = requantize{name}(sum_3, channels + row + 3, odd_zero);
    }}
    for (int32_t row = 0; count < 4 && row < count; row++) {{
        int32_t sum = 0;
        for (int32_t t = 0; t < taps; t++) sum += input[t] * *weights++;
        output[row] = requantize{name}(sum, channels + row, odd_zero);
    }}
}}
""",
        needs=(REQUANTIZES[way], *needs),
    )


CONVOLVE = {way: _conv_kernel(way) for way in Way}
MULTIPLY_ROW = {way: row_kernel(way) for way in (Way.QUICK, Way.EACH)}
