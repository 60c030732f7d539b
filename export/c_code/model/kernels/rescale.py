"""From sums of products to int8 outputs: TFLite Micro's two roundings in C."""

from enum import Enum

from export.c_code.model.layer import Kernel

EXACT_SHIFT = 256  # added to the shift of a channel that `requantize` cannot take


class Way(Enum):
    """How the outputs of a layer with weights are computed; values end the names of kernels."""

    QUICK = ""
    EACH = "_each"  # channel by channel as quickly as it can be
    ANY = "_any"  # sums of every size too

    def zero(self, place: str) -> str:
        """What its kernels take of the output's zero point, which is in `place`."""
        return place if self is Way.ANY else f"2 * {place} + 1"


SATURATE = Kernel(
    text="""\
static inline int8_t saturate(int32_t value)
{
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}
"""
)

REQUANTIZE = Kernel(
    text="""\
/* How one output channel is rescaled. */
struct channel {
    int32_t bias;       /* doubled for `requantize` */
    int32_t multiplier; /* factor * 2^(31 + shift), rounded */
    int32_t shift;      /* to the right; `requantize` takes 1 to 22 */
};

/* A sum of products, rescaled and rounded as TFLite Micro does it: to 31 bits after the point, then
 * to a whole step, halves away from zero. |sum + bias| < 2^30. `odd_zero` is twice the output's
 * zero point plus one: shifted it holds the zero point and the half that rounds. */
static inline int8_t requantize(int32_t sum, const struct channel *channel, int32_t odd_zero)
{
    int64_t product = (int64_t)(2 * sum + channel->bias) * channel->multiplier;
    int32_t value = (int32_t)((product + ((int64_t)1 << 31)) >> 32);
    value += value >> 31;
    value += odd_zero * (1 << (channel->shift - 1));
    return saturate(value >> channel->shift);
}
""",
    needs=(SATURATE,),
)

RESCALE = Kernel(
    text="""\
/* value * multiplier / 2^(31 + shift), rounded as TFLite Micro does it: to 31 bits after the
 * point, then to a whole step, halves away from zero. value << -shift must fit 32 bits. */
static inline int32_t rescale(int32_t value, int32_t multiplier, int32_t shift)
{
    int32_t scaled = shift < 0 ? value * (1 << -shift) : value;
    int32_t right = shift < 0 ? 0 : shift;
    int32_t high = (int32_t)(((int64_t)scaled * multiplier + ((int64_t)1 << 30)) >> 31);
    if (right == 0) return high;
    int64_t rounded = (int64_t)high + ((int64_t)1 << (right - 1)) - (high < 0);
    return (int32_t)(rounded >> right);
}
"""
)

REQUANTIZE_ANY = Kernel(
    text="""\
/* As `requantize`, for every channel: its bias is not doubled, its shift may go to the left. */
static inline int8_t requantize_any(int32_t sum, const struct channel *channel, int32_t zero)
{
    int64_t value = rescale(sum + channel->bias, channel->multiplier, channel->shift);
    value += zero;
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}
""",
    needs=(REQUANTIZE, RESCALE),
)

REQUANTIZE_EACH = Kernel(
    text="""\
/* As `requantize`, but a channel whose shift is above 127 is computed as `requantize_any` does it:
 * its shift is 256 too large, its bias not doubled. */
static inline int8_t requantize_each(int32_t sum, const struct channel *channel, int32_t odd_zero)
{
    if (channel->shift < 128) return requantize(sum, channel, odd_zero);
    struct channel exact = {channel->bias, channel->multiplier, channel->shift - 256};
    return requantize_any(sum, &exact, odd_zero >> 1);
}
""",
    needs=(REQUANTIZE, REQUANTIZE_ANY),
)

REQUANTIZES = {Way.QUICK: REQUANTIZE, Way.EACH: REQUANTIZE_EACH, Way.ANY: REQUANTIZE_ANY}
