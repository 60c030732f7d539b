"""C of DEPTHWISE_CONV_2D: two outputs of a channel share one multiplication."""

from export.c_code.model.kernels.rescale import REQUANTIZES, Way
from export.c_code.model.layer import Kernel

PLANE = Kernel(
    text="""\
/* A depthwise convolution. Two halves of the output are computed at once: those of the first half,
 * `half_rows` x `half_columns`, and as many `skip` further on, which may overlap them. */
struct depthwise {
    int32_t rows, columns, depth;        /* of the input */
    int32_t kernel_rows, kernel_columns;
    int32_t stride_rows, stride_columns;
    int32_t dilation_rows, dilation_columns;
    int32_t rows_before, columns_before; /* padding */
    int32_t output_columns, output_depth;
    int32_t half_rows, half_columns;
    int32_t skip_rows, skip_columns;     /* of the output */
    int32_t plane_rows, plane_columns;   /* what one half sees, padding included */
    int32_t multiplier;                  /* outputs of each channel */
    int32_t input_zero, output_zero;
};

static inline int32_t value_at(const struct depthwise *d, const int8_t *channel, int32_t row,
                               int32_t column)
{
    if (row < 0 || row >= d->rows || column < 0 || column >= d->columns) return d->input_zero;
    return channel[(row * d->columns + column) * d->depth];
}

/* One channel, with its padding: what the first half sees, and what the second sees times 2^23. */
static void gather_plane(const struct depthwise *d, const int8_t *channel, int32_t *plane)
{
    int32_t skip_rows = d->skip_rows * d->stride_rows;
    int32_t skip_columns = d->skip_columns * d->stride_columns;
    for (int32_t y = 0; y < d->plane_rows; y++) {
        int32_t row = y - d->rows_before;
        for (int32_t x = 0; x < d->plane_columns; x++) {
            int32_t column = x - d->columns_before;
            int32_t second = value_at(d, channel, row + skip_rows, column + skip_columns);
            *plane++ = value_at(d, channel, row, column) + second * (1 << 23);
        }
    }
}
"""
)


_SUM_QUICK = """\
            int64_t sum = 0;
            for (int32_t i = 0; i < d->kernel_rows; i++) {
                for (int32_t j = 0; j < d->kernel_columns; j++) {
                    sum += (int64_t)window[j * d->dilation_columns] * *weight++;
                }
                window += d->dilation_rows * d->plane_columns;
            }
            int32_t upper = (int32_t)((sum + (1 << 22)) >> 23);
            int32_t lower = (int32_t)(sum - (int64_t)upper * (1 << 23));
"""
# Each pair is split before it is multiplied, because 23 bits may be too few for the lower sum.
_SUM_ANY = """\
            int32_t lower = 0;
            int32_t upper = 0;
            for (int32_t i = 0; i < d->kernel_rows; i++) {
                for (int32_t j = 0; j < d->kernel_columns; j++) {
                    int32_t pair = window[j * d->dilation_columns];
                    int32_t second = (pair + 128) >> 23;
                    lower += (pair - second * (1 << 23)) * *weight;
                    upper += second * *weight++;
                }
                window += d->dilation_rows * d->plane_columns;
            }
"""


def _depthwise_kernel(way: Way) -> Kernel:
    name, zero = way.value, way.zero("d->output_zero")
    return Kernel(
        text=f"""\
static void filter_plane{name}(const struct depthwise *d, const int32_t *plane,
                         const int8_t *weights, const struct channel *channel, int8_t *output)
{{
    int32_t skip = (d->skip_rows * d->output_columns + d->skip_columns) * d->output_depth;
    for (int32_t y = 0; y < d->half_rows; y++) {{
        for (int32_t x = 0; x < d->half_columns; x++) {{
            const int32_t *window = plane + y * d->stride_rows * d->plane_columns +
                                    x * d->stride_columns;
            const int8_t *weight = weights;
            int8_t *to = output + (y * d->output_columns + x) * d->output_depth;
{_SUM_ANY if way is Way.ANY else _SUM_QUICK}\
            to[0] = requantize{name}(lower, channel, {zero});
            to[skip] = requantize{name}(upper, channel, {zero});
        }}
    }}
}}

/* `work` holds the plane. A channel is gathered as a whole before its outputs are written. */
static void convolve_depthwise{name}(const struct depthwise *d, const int8_t *weights,
                               const struct channel *channels, const int8_t *input,
                               int8_t *output, int32_t *work)
{{
    for (int32_t c = 0; c < d->output_depth; c++) {{
        if (c % d->multiplier == 0) gather_plane(d, input + c / d->multiplier, work);
        filter_plane{name}(d, work, weights, channels + c, output + c);
        weights += d->kernel_rows * d->kernel_columns;
    }}
}}
""",
        needs=(PLANE, REQUANTIZES[way]),
    )


DEPTHWISE = {way: _depthwise_kernel(way) for way in Way}
