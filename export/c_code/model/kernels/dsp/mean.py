"""MEAN and AVERAGE_POOL_2D on the DSP extension: four channels at a time."""

from export.c_code.model.kernels.dsp.words import WORDS
from export.c_code.model.kernels.mean import MEAN_SHAPE, mean_code
from export.c_code.model.kernels.pool import SHAPE as POOL_SHAPE
from export.c_code.model.kernels.pool import pool_code
from export.c_code.model.kernels.rescale import RESCALE, SATURATE
from export.c_code.model.layer import Kernel, Layer, LayerCode, Variant
from export.c_code.optimize import Optimize

_INSTRUCTIONS = 2  # for an input
_CHANNELS = 4

SUM_FOUR = Kernel(
    text="""\
/* Adds `count` values of four neighbouring channels, `step` bytes apart, to their sums. */
static void sum_four(const int8_t *from, int32_t count, int32_t step, int32_t *sums)
{
    while (count > 0) {
        int32_t some = count < 255 ? count : 255; /* 255 * -128 fits 16 bits */
        uint32_t even = 0;
        uint32_t odd = 0;
        count -= some;
        for (; some > 0; some--) {
            uint32_t bytes = load_4(from);
            even = add_even_bytes(even, bytes);
            odd = add_odd_bytes(odd, bytes);
            from += step;
        }
        sums[0] += lower(even);
        sums[1] += lower(odd);
        sums[2] += upper(even);
        sums[3] += upper(odd);
    }
}
""",
    needs=(WORDS,),
)

MEAN = Kernel(
    text="""\
/* The last four channels may share some with the four before. */
static void mean_of_four(const struct mean_shape *m, const int8_t *input, int8_t *output)
{
    for (int32_t a = 0; a < m->outer; a++) {
        for (int32_t c = 0; c < m->inner; c += 4) {
            int32_t first = c + 4 <= m->inner ? c : m->inner - 4;
            int32_t sums[4] = {0, 0, 0, 0};
            sum_four(input + first, m->count, m->inner, sums);
            for (int32_t i = 0; i < 4; i++) {
                int32_t sum = sums[i] - m->count * m->input_zero;
                output[first + i] =
                    saturate(rescale(sum, m->multiplier, m->shift) + m->output_zero);
            }
        }
        input += m->count * m->inner;
        output += m->inner;
    }
}
""",
    needs=(MEAN_SHAPE, SUM_FOUR, RESCALE, SATURATE),
)


AVERAGE = Kernel(
    text="""\
static void average_of_four(const struct pool *p, const int8_t *input, int8_t *output)
{
    for (int32_t y = 0; y < p->output_rows; y++) {
        int32_t top = at_least(y * p->stride_rows - p->rows_before, 0);
        int32_t bottom = at_most(y * p->stride_rows - p->rows_before + p->window_rows, p->rows);
        for (int32_t x = 0; x < p->output_columns; x++) {
            int32_t column = x * p->stride_columns - p->columns_before;
            int32_t left = at_least(column, 0);
            int32_t right = at_most(column + p->window_columns, p->columns);
            int32_t count = (bottom - top) * (right - left);
            for (int32_t c = 0; c < p->depth; c += 4) {
                int32_t first = at_most(c, p->depth - 4);
                int32_t sums[4] = {0, 0, 0, 0};
                for (int32_t row = top; row < bottom; row++)
                    sum_four(input + (row * p->columns + left) * p->depth + first, right - left,
                             p->depth, sums);
                for (int32_t i = 0; i < 4; i++) {
                    int32_t half = sums[i] > 0 ? count / 2 : -(count / 2);
                    output[first + i] = (int8_t)((sums[i] + half) / count);
                }
            }
            output += p->depth;
        }
    }
}
""",
    needs=(POOL_SHAPE, SUM_FOUR),
)


def mean(layer: Layer, _: Optimize) -> Variant | None:
    """MEAN, or None if fewer than four values lie side by side."""
    code = mean_code(layer, MEAN, "mean_of_four")
    inner = layer.output.shape[-1] if layer.output.shape else 1
    if inner < _CHANNELS or layer.input().shape[-1] != inner:
        return None
    return _variant(layer, code, "mean_of_four")


def average_pool_2d(layer: Layer, _: Optimize) -> Variant | None:
    """AVERAGE_POOL_2D, or None for fewer than four channels."""
    code = pool_code(layer, AVERAGE, "average_of_four")
    if layer.output.shape[3] < _CHANNELS:
        return None
    return _variant(layer, code, "average_of_four")


def _variant(layer: Layer, code: LayerCode, name: str) -> Variant:
    return Variant(
        name=name,
        body=code.body,
        tables=code.tables,
        kernels=code.kernels,
        work_bytes=0,
        weight_bytes=0,
        instructions=_INSTRUCTIONS * layer.input().elements,
    )
