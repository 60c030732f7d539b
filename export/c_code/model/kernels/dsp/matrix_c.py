"""C of CONV_2D and FULLY_CONNECTED on the DSP extension: three outputs at a time."""

from export.c_code.model.kernels.dsp.gather_c import Gather
from export.c_code.model.kernels.dsp.multiply import multiply_kernel, multiply_name
from export.c_code.model.kernels.dsp.rounding import Rounding
from export.c_code.model.kernels.dsp.words import WORDS
from export.c_code.model.kernels.matrix_c import row_kernel
from export.c_code.model.kernels.rescale import Way
from export.c_code.model.layer import Kernel

SUM_FOUR_TAPS = Kernel(
    text="""\
/* Four taps: the values that `even` and `odd` hold, times weights at any address. */
static inline int32_t sum_four_taps(uint32_t even, uint32_t odd, const int8_t *weights, int32_t sum)
{
    uint32_t four = load_4(weights);
    return add_products(even, even_bytes(four), add_products(odd, odd_bytes(four), sum));
}
""",
    needs=(WORDS,),
)

_FOUR_TAPS = """\
        for (; t + 4 <= taps; t += 4) {
            uint32_t four = load_4(input + t);
            uint32_t even = even_bytes(four);
            uint32_t odd = odd_bytes(four);
            sum_0 = sum_four_taps(even, odd, weight_0 + t, sum_0);
            sum_1 = sum_four_taps(even, odd, weight_1 + t, sum_1);
            sum_2 = sum_four_taps(even, odd, weight_2 + t, sum_2);
            sum_3 = sum_four_taps(even, odd, weight_3 + t, sum_3);
        }
"""

# Under the names of the portable kernels, which the preprocessor leaves out.
MULTIPLY_ROW = {
    way: row_kernel(way, start=_FOUR_TAPS, needs=(SUM_FOUR_TAPS,)) for way in (Way.QUICK, Way.EACH)
}

_PAD = """\
    pad_input(conv, input, patch + 4 * quads);
    input = patch + 4 * quads;
"""


def convolve_name(gather: Gather, bits: int, rounding: Rounding) -> str:
    return f"convolve_{gather.name}_{bits}_bits{'_signed' if rounding.negatives else ''}"


def convolve_kernel(gather: Gather, bits: int, rounding: Rounding) -> Kernel:
    """A whole layer. Outputs that are missing to three are written over by the first."""
    multiply = multiply_name(bits, rounding)
    return Kernel(
        text=f"""\
/* `work` holds three widened patches, then one of bytes, then a padded input, if any. Patches are
 * read before the outputs of their three are written, so pixels may be written over. */
static void {convolve_name(gather, bits, rounding)}(
    const struct conv *conv, const uint32_t *weights, const int8_t *input, int8_t *output,
    int32_t *work)
{{
    int32_t outputs = conv->output_rows * conv->output_columns;
    int32_t taps = conv->kernel_rows * conv->kernel_columns * conv->depth;
    int32_t quads = (taps + 3) / 4;
    int32_t pairs = conv->output_depth / 2;
    uint32_t *patches = (uint32_t *)work;
    int8_t *patch = (int8_t *)(work + 6 * quads);
{_PAD * gather.padded}\
    for (int32_t first = 0; first < outputs; first += 3) {{
        int32_t left = outputs - first;
        int32_t second = left > 1 ? conv->output_depth : 0;
        int32_t third = left > 2 ? 2 * conv->output_depth : second;
        for (int32_t p = 0; p < 3 && p < left; p++)
            {gather.function}(conv, input, first + p, patch, patches + 2 * p);
        {multiply}(patches, weights, quads, pairs, output, second, third);
        if (conv->output_depth % 2 != 0)
            {multiply}(patches, weights + pairs * (8 + {bits // 4} * quads), quads, 1,
                       output + conv->output_depth - 2, second, third);
        output += 3 * conv->output_depth;
    }}
}}
""",
        needs=(gather.kernel, multiply_kernel(bits, rounding)),
    )
