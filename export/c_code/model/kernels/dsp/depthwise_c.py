"""C and assembly of DEPTHWISE_CONV_2D on the DSP extension.

Two channels are gathered at a time, because their bytes lie side by side. The stream of a channel's
words: doubled bias, multiplier, half, shift; then its taps as bytes, line by line.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from export.c_code.model.kernels.channels import Channel
from export.c_code.model.kernels.dsp.assembly import twins
from export.c_code.model.kernels.dsp.lines import (
    LINES,
    OUTPUT_LINES,
    OUTPUTS,
    STEP,
    TAP_LINE,
)
from export.c_code.model.kernels.dsp.rounding import FINISH, Rounding, scale_words
from export.c_code.model.kernels.dsp.words import WORDS
from export.c_code.model.layer import Kernel

GATHER_LINES = Kernel(
    text="""\
/* The same place of two channels, `second` bytes after `first`, as two words. */
static inline void widen_pair(const int8_t *first, const int8_t *second, int both,
                              uint32_t *to, int32_t plane_words)
{
    uint32_t bytes = (uint8_t)first[0] | (uint32_t)(uint8_t)second[0] << 16;
    if (both) bytes |= (uint32_t)(uint8_t)first[1] << 8 | (uint32_t)(uint8_t)second[1] << 24;
    to[0] = even_bytes(bytes);
    to[plane_words] = odd_bytes(bytes);
}

/* One or both of two neighbouring channels. Padding is in place already. */
static inline void gather_channels(const struct lines *l, const int8_t *input, int both,
                                   uint32_t *planes)
{
    const int8_t padding[2] = {(int8_t)l->zero, (int8_t)l->zero};
    int32_t plane_words = l->line_words * l->line_count;
    uint32_t *line = planes + l->lines_before * l->line_words + l->before / 2;
    for (int32_t x = 0; x < l->lines; x++) {
        const int8_t *from = input;
        uint32_t *to = line;
        int32_t left = l->length;
        if (l->before % 2 != 0) {
            widen_pair(padding, from, both, to++, plane_words);
            from += l->input_step;
            left--;
        }
        for (; left > 1; left -= 2) {
            widen_pair(from, from + l->input_step, both, to++, plane_words);
            from += 2 * l->input_step;
        }
        if (left > 0) widen_pair(from, padding, both, to, plane_words);
        input += l->input_line_step;
        line += l->line_words;
    }
}
""",
    needs=(LINES, WORDS),
)

_PAIR = """
ldrd r2, r3, [{line}], #4 @ four values, of which two are the next pair's
smlatb r11, r2, {first}, {before}
smlad r10, r2, {first}, r10
smlabt r10, r3, {second}, r10
smlad r11, r3, {second}, r11
"""
_LINES = ("r0", "r1", "r12")
_TAPS = (("r4", "r5"), ("r6", "r7"), ("r8", "r9"))


def depthwise_words(
    taps: NDArray[np.int8], channels: Sequence[Channel], *, zero_point: int
) -> list[int]:
    """The streams of all channels.

    Args:
      taps: [channels, lines, taps of a line].
      channels: one an output channel.
      zero_point: of the output.
    """
    flat = taps.reshape(len(channels), -1)
    padded = np.ascontiguousarray(np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4))))
    packed = padded.view("<u4").tolist()
    words: list[int] = []
    for channel, row in zip(channels, packed, strict=True):
        words += [2 * channel.bias, *scale_words(channel, zero_point), *row]
    return words


def filter_3_kernel(tap_lines: int, rounding: Rounding) -> Kernel:
    """Three taps a line at stride 1, over one or three lines."""
    signature = f"""\
void {filter_name(tap_lines, rounding)}(const struct lines *l, const uint32_t *channel,
                   const uint32_t *plane, int8_t *output)"""
    return Kernel(
        text=f"""\
/* One channel of a window of {tap_lines} x 3 taps, two outputs at a time, from two words of each
 * line. Of an odd last pair the first output is written over the second. */
{twins(signature, listing=_listing(tap_lines, rounding), twin=_twin(tap_lines, rounding))}""",
        needs=(LINES, WORDS, FINISH),
    )


def filter_name(tap_lines: int, rounding: Rounding) -> str:
    return f"filter_{tap_lines}x3{'_signed' if rounding.negatives else ''}"


def _listing(tap_lines: int, rounding: Rounding) -> str:
    pairs = [
        _PAIR.format(line=line, first=first, second=second, before="r10" if line == "r0" else "r11")
        for line, (first, second) in zip(_LINES[:tap_lines], _TAPS, strict=False)
    ]
    return f"""
push {{r4-r11, lr}}
sub sp, sp, #48
str r0, [sp, #40]
str r2, [sp, #28] @ next line
str r3, [sp, #32] @ its outputs
ldr r4, [r0, #{OUTPUT_LINES}]
str r4, [sp, #36] @ lines left
ldmia r1!, {{r4-r7}} @ bias, multiplier, half, shift
strd r5, r6, [sp]
str r7, [sp, #8]
str r4, [sp, #16]
{"".join(_taps(line) for line in range(tap_lines))}
1: @ a line of outputs
ldr lr, [sp, #40]
ldr r0, [sp, #28]
ldrd r2, r3, [lr, #{TAP_LINE}] @ bytes to a tap's line, to an output's line
add r1, r0, r2
add r12, r1, r2
add r3, r0, r3
str r3, [sp, #28]
ldrd r2, r3, [lr, #{STEP}] @ step, line_step
ldr r10, [lr, #{OUTPUTS}]
ldr lr, [sp, #32]
add r3, lr, r3
str r3, [sp, #32]
and r11, r10, #1
str r11, [sp, #24] @ 1 if the last pair is one output
sub r10, r10, r11
mla r10, r10, r2, lr
str r10, [sp, #20] @ end of whole pairs
str r2, [sp, #12]
2: @ a pair of outputs
ldr r10, [sp, #16] @ bias
{"".join(pairs)}
{_finish(rounding)}
ldrd r2, r3, [sp, #8] @ shift, step
asr r10, r10, r2
asr r11, r11, r2
ssat r10, #8, r10
ssat r11, #8, r11
strb r11, [lr, r3]
strb r10, [lr]
add lr, lr, r3, lsl #1
ldr r2, [sp, #20]
cmp lr, r2
bne 2b
ldr r2, [sp, #24]
cmp r2, #0
beq 3f
mov r2, #0
str r2, [sp, #24]
str r2, [sp, #12] @ both outputs go to one place
b 2b
3:
ldr r2, [sp, #36]
subs r2, r2, #1
str r2, [sp, #36]
bne 1b
add sp, sp, #48
pop {{r4-r11, pc}}
"""


def _taps(line: int) -> str:
    """Taps a, b, c of a line as the words (a, b) and (b, c), doubled."""
    first, second = _TAPS[line]
    return f"""
ldrsb r10, [r1, #{3 * line}]
ldrsb r11, [r1, #{3 * line + 1}]
ldrsb r12, [r1, #{3 * line + 2}]
pkhbt {first}, r10, r11, lsl #16
pkhbt {second}, r11, r12, lsl #16
sadd16 {first}, {first}, {first}
sadd16 {second}, {second}, {second}
"""


def _finish(rounding: Rounding) -> str:
    """Rescales the sums in r10 and r11."""
    if not rounding.negatives:
        return "ldrd r2, r3, [sp]\nsmmlar r10, r10, r2, r3\nsmmlar r11, r11, r2, r3"
    return """
ldrd r2, r3, [sp]
add r3, r3, r10, asr #31 @ halves of negative numbers round down
smmlar r10, r10, r2, r3
ldr r3, [sp, #4]
add r3, r3, r11, asr #31
smmlar r11, r11, r2, r3
"""


def _twin(tap_lines: int, rounding: Rounding) -> str:
    return f"""\
    const int8_t *taps = (const int8_t *)(channel + 4);
    for (int32_t line = 0; line < l->output_lines; line++) {{
        for (int32_t i = l->outputs - 1; i >= 0; i--) {{
            int32_t sum = (int32_t)channel[0];
            for (int32_t k = 0; k < {tap_lines}; k++) {{
                const uint32_t *words = plane + k * l->tap_line_bytes / 4;
                for (int32_t t = i; t < i + 3; t++) {{
                    int32_t value = t % 2 ? upper(words[t / 2]) : lower(words[t / 2]);
                    sum += 2 * taps[3 * k + t - i] * value;
                }}
            }}
            output[i * l->step] = finish(sum, channel + 1, {int(rounding.negatives)});
        }}
        plane += l->next_line_bytes / 4;
        output += l->line_step;
    }}
"""


ARRANGE_TAPS = Kernel(
    text="""\
/* A tap of a line, doubled; 0 between taps and outside of them. */
static int32_t tap_at(const struct lines *l, const int8_t *taps, int32_t place)
{
    if (place < 0 || place % l->dilation != 0 || place / l->dilation >= l->taps) return 0;
    return 2 * taps[place / l->dilation];
}

/* Taps as words: for outputs that begin with the first value of a word, then for those that begin
 * with the second. */
static void arrange_taps(const struct lines *l, const int8_t *taps, uint32_t *words)
{
    int32_t tap_words = ((l->taps - 1) * l->dilation + 1) / 2 + 1;
    for (int32_t odd = 0; odd < 2; odd++) {
        for (int32_t k = 0; k < l->tap_lines; k++) {
            for (int32_t w = 0; w < tap_words; w++)
                *words++ = word_of(tap_at(l, taps + k * l->taps, 2 * w - odd),
                                   tap_at(l, taps + k * l->taps, 2 * w + 1 - odd));
        }
    }
}
""",
    needs=(LINES, WORDS),
)


def filter_any_kernel(rounding: Rounding) -> Kernel:
    """Any taps, strides and dilations."""
    return Kernel(
        text=f"""\
/* One channel of any window. `arranged` is where its taps are put. */
static void {filter_any_name(rounding)}(const struct lines *l, const uint32_t *channel,
                       const uint32_t *plane, int8_t *output, uint32_t *arranged)
{{
    int32_t tap_words = ((l->taps - 1) * l->dilation + 1) / 2 + 1;
    arrange_taps(l, (const int8_t *)(channel + 4), arranged);
    for (int32_t line = 0; line < l->output_lines; line++) {{
        for (int32_t i = l->outputs - 1; i >= 0; i--) {{
            int32_t at = i * l->stride;
            const uint32_t *words = plane + at / 2;
            const uint32_t *taps = arranged + (at % 2 != 0 ? l->tap_lines * tap_words : 0);
            int32_t sum = (int32_t)channel[0];
            for (int32_t k = 0; k < l->tap_lines; k++) {{
                for (int32_t w = 0; w < tap_words; w++)
                    sum = add_products(words[w], *taps++, sum);
                words += l->tap_line_bytes / 4;
            }}
            output[i * l->step] = finish(sum, channel + 1, {int(rounding.negatives)});
        }}
        plane += l->next_line_bytes / 4;
        output += l->line_step;
    }}
}}
""",
        needs=(ARRANGE_TAPS, FINISH),
    )


def filter_any_name(rounding: Rounding) -> str:
    return f"filter_any{'_signed' if rounding.negatives else ''}"


def depthwise_kernel(filter_kernel: Kernel, filter_name: str) -> Kernel:
    """A whole layer. The filter of any window also takes where it may arrange its taps."""
    arranged = ", planes + 2 * plane_words" if filter_name.startswith("filter_any") else ""
    return Kernel(
        text=f"""\
/* `work` holds two planes, then arranged taps. Two channels are gathered as a whole before their
 * outputs are written, so a layer may write over an input of the same shape. */
static void depthwise_{filter_name}(const struct lines *l, const uint32_t *channels,
                              const int8_t *input, int8_t *output, int32_t *work)
{{
    int32_t channel_words = 4 + (l->taps * l->tap_lines + 3) / 4;
    int32_t plane_words = l->line_words * l->line_count;
    uint32_t *planes = (uint32_t *)work;
    for (int32_t i = 0; i < 2 * plane_words; i++) planes[i] = word_of(l->zero, l->zero);
    for (int32_t c = 0; c < l->depth; c += 2) {{
        int32_t gathered = c + 1 < l->depth ? 2 : 1;
        if (gathered == 2)
            gather_channels(l, input + c, 1, planes);
        else
            gather_channels(l, input + c, 0, planes);
        for (int32_t k = 0; k < gathered * l->multiplier; k++) {{
            const uint32_t *plane = planes + k / l->multiplier * plane_words;
            {filter_name}(l, channels, plane, output{arranged});
            channels += channel_words;
            output++;
        }}
    }}
}}
""",
        needs=(GATHER_LINES, filter_kernel),
    )
