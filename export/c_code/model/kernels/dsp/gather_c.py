"""C that gathers what an output sees: patches of 16-bit values, for three outputs side by side."""

from dataclasses import dataclass

from export.c_code.model.kernels.dsp.words import WORDS
from export.c_code.model.kernels.matrix_c import CONV
from export.c_code.model.layer import Kernel

WIDEN = Kernel(
    text="""\
static inline void widen_4(uint32_t bytes, uint32_t *to)
{
    uint32_t even = even_bytes(bytes);
    uint32_t odd = odd_bytes(bytes);
    to[0] = add_halves(even, even);
    to[1] = add_halves(odd, odd);
}

/* A patch as doubled values of 16 bits: two words for four taps, six words apart, because three
 * patches are read together. Weights of taps past the last are 0. */
static void widen_patch(const int8_t *from, int32_t taps, uint32_t *to)
{
    int32_t left = taps;
    for (; left > 15; left -= 16) {
        widen_4(load_4(from), to);
        widen_4(load_4(from + 4), to + 6);
        widen_4(load_4(from + 8), to + 12);
        widen_4(load_4(from + 12), to + 18);
        from += 16;
        to += 24;
    }
    for (; left > 3; left -= 4) {
        widen_4(load_4(from), to);
        from += 4;
        to += 6;
    }
    if (left == 0) return;
    uint32_t bytes = (uint8_t)from[0];
    if (left > 1) bytes |= (uint32_t)(uint8_t)from[1] << 8;
    if (left > 2) bytes |= (uint32_t)(uint8_t)from[2] << 16;
    widen_4(bytes, to);
}
""",
    needs=(WORDS,),
)

_COPY = Kernel(
    text="""\
static inline int8_t *copy_bytes(int8_t *to, const int8_t *from, int32_t count)
{
    for (; count > 3; count -= 4) {
        store_4(to, load_4(from));
        to += 4;
        from += 4;
    }
    for (; count > 0; count--) *to++ = *from++;
    return to;
}
""",
    needs=(WORDS,),
)

_POINTWISE = Kernel(
    text="""\
/* A patch is a pixel. */
static void gather_pixel(const struct conv *conv, const int8_t *input, int32_t place,
                         int8_t *patch, uint32_t *to)
{
    (void)patch;
    widen_patch(input + place * conv->depth, conv->depth, to);
}
""",
    needs=(CONV, WIDEN),
)

_INSIDE = Kernel(
    text="""\
/* Rows or columns of the input with its padding. */
static inline int32_t padded(int32_t before, int32_t size, int32_t outputs, int32_t stride,
                             int32_t taps, int32_t dilation)
{
    int32_t seen = (outputs - 1) * stride + (taps - 1) * dilation + 1;
    return seen > before + size ? seen : before + size;
}

static inline int32_t padded_columns(const struct conv *conv)
{
    return padded(conv->columns_before, conv->columns, conv->output_columns, conv->stride_columns,
                  conv->kernel_columns, conv->dilation_columns);
}

/* A patch that lies inside of the image. Rows of it may be widened by themselves if they are whole
 * words; else `patch` is where they are put together. */
static void gather_inside(const struct conv *conv, const int8_t *image, int32_t place,
                          int8_t *patch, uint32_t *to)
{
    int32_t row_bytes = padded_columns(conv) * conv->depth;
    int32_t taps = conv->dilation_columns == 1 ? conv->kernel_columns : 1;
    int32_t bytes = taps * conv->depth;
    const int8_t *row = image +
                        place / conv->output_columns * conv->stride_rows * row_bytes +
                        place % conv->output_columns * conv->stride_columns * conv->depth;
    int8_t *next = patch;
    for (int32_t y = 0; y < conv->kernel_rows; y++) {
        const int8_t *from = row;
        for (int32_t x = 0; x < conv->kernel_columns; x += taps) {
            if (bytes % 4 == 0) {
                for (int32_t i = 0; i < bytes; i += 4) {
                    widen_4(load_4(from + i), to);
                    to += 6;
                }
            } else {
                next = copy_bytes(next, from, bytes);
            }
            from += conv->dilation_columns * conv->depth;
        }
        row += conv->dilation_rows * row_bytes;
    }
    if (bytes % 4 != 0) widen_patch(patch, (int32_t)(next - patch), to);
}
""",
    needs=(CONV, WIDEN, _COPY),
)

_PAD_INPUT = Kernel(
    text="""\
/* The input in its padding, so that all windows lie inside. */
static void pad_input(const struct conv *conv, const int8_t *input, int8_t *image)
{
    int32_t row_bytes = padded_columns(conv) * conv->depth;
    int32_t rows = padded(conv->rows_before, conv->rows, conv->output_rows, conv->stride_rows,
                          conv->kernel_rows, conv->dilation_rows);
    for (int32_t i = 0; i < rows * row_bytes; i++) image[i] = (int8_t)conv->input_zero;
    image += conv->rows_before * row_bytes + conv->columns_before * conv->depth;
    for (int32_t y = 0; y < conv->rows; y++) {
        copy_bytes(image, input, conv->columns * conv->depth);
        image += row_bytes;
        input += conv->columns * conv->depth;
    }
}
""",
    needs=(_INSIDE,),
)

_ANYWHERE = Kernel(
    text="""\
static inline int8_t *fill_bytes(int8_t *to, int32_t value, int32_t count)
{
    for (; count > 0; count--) *to++ = (int8_t)value;
    return to;
}

/* `taps` neighbours of each row of the window, from `column` of the input on. Outside of the input
 * they are its zero point. */
static void gather_taps(const struct conv *conv, const int8_t *input, int32_t row,
                        int32_t column, int32_t taps, int8_t *patch)
{
    int32_t left = column < 0 ? -column : 0;
    int32_t right = column + taps > conv->columns ? column + taps - conv->columns : 0;
    if (left > taps) left = taps;
    if (right > taps - left) right = taps - left;
    int32_t inside = (taps - left - right) * conv->depth;
    for (int32_t y = 0; y < conv->kernel_rows; y++) {
        int8_t *to = patch;
        if (row >= 0 && row < conv->rows && inside > 0) {
            const int8_t *from = input + (row * conv->columns + column + left) * conv->depth;
            to = fill_bytes(to, conv->input_zero, left * conv->depth);
            to = copy_bytes(to, from, inside);
            to = fill_bytes(to, conv->input_zero, right * conv->depth);
        } else {
            fill_bytes(to, conv->input_zero, taps * conv->depth);
        }
        patch += conv->kernel_columns * conv->depth;
        row += conv->dilation_rows;
    }
}

/* A patch of which parts may lie outside of the input. */
static void gather_anywhere(const struct conv *conv, const int8_t *input, int32_t place,
                            int8_t *patch, uint32_t *to)
{
    int32_t row = place / conv->output_columns * conv->stride_rows - conv->rows_before;
    int32_t column = place % conv->output_columns * conv->stride_columns - conv->columns_before;
    int32_t taps = conv->dilation_columns == 1 ? conv->kernel_columns : 1;
    for (int32_t x = 0; x < conv->kernel_columns; x += taps)
        gather_taps(conv, input, row, column + x * conv->dilation_columns, taps,
                    patch + x * conv->depth);
    widen_patch(patch, conv->kernel_rows * conv->kernel_columns * conv->depth, to);
}
""",
    needs=(CONV, WIDEN, _COPY),
)


@dataclass(frozen=True, kw_only=True)
class Gather:
    """A way to gather patches.

    Args:
      name: for the names of kernels.
      function: its C function.
      kernel: that holds it.
      padded: True if the input is first copied into its padding, behind the patch in `work`.
    """

    name: str
    function: str
    kernel: Kernel
    padded: bool = False


PIXELS = Gather(name="pixels", function="gather_pixel", kernel=_POINTWISE)
INSIDE = Gather(name="inside", function="gather_inside", kernel=_INSIDE)
PADDED = Gather(name="padded", function="gather_inside", kernel=_PAD_INPUT, padded=True)
ANYWHERE = Gather(name="anywhere", function="gather_anywhere", kernel=_ANYWHERE)
