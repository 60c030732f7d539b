"""MEAN on the DSP extension: four channels at a time."""

from export.c_code.model.kernels.dsp.words import WORDS
from export.c_code.model.kernels.mean import MEAN_SHAPE, mean_code
from export.c_code.model.kernels.rescale import RESCALE, SATURATE
from export.c_code.model.layer import Kernel, Layer, Variant
from export.c_code.optimize import Optimize

_INSTRUCTIONS = 2  # for an input
_CHANNELS = 4

SUM_FOUR = Kernel(
    text="""\
/* The sums of `count` values of four neighbouring channels, `step` bytes apart. */
static void sum_four(const int8_t *from, int32_t count, int32_t step, int32_t *sums)
{
    for (int32_t c = 0; c < 4; c++) sums[c] = 0;
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
static void mean_of_four(const struct mean *m, const int8_t *input, int8_t *output)
{
    for (int32_t a = 0; a < m->outer; a++) {
        for (int32_t c = 0; c < m->inner; c += 4) {
            int32_t first = c + 4 <= m->inner ? c : m->inner - 4;
            int32_t sums[4];
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


def mean(layer: Layer, _: Optimize) -> Variant | None:
    """MEAN, or None if fewer than four values lie side by side."""
    code = mean_code(layer, MEAN, "mean_of_four")
    inner = layer.output.shape[-1] if layer.output.shape else 1
    if inner < _CHANNELS or layer.input().shape[-1] != inner:
        return None
    return Variant(
        name="mean_of_four",
        body=code.body,
        tables=code.tables,
        kernels=code.kernels,
        work_bytes=0,
        weight_bytes=0,
        instructions=_INSTRUCTIONS * layer.input().elements,
    )
