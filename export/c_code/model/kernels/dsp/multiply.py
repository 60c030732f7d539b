"""Two rows of weights times three patches: the loop in which a network spends its time.

Weights stand in one stream of words, in the order in which the loop reads them. For each pair of
rows: two doubled biases; the weights, four taps of both rows at a time; then multiplier, half and
shift of each row. Weights have 8 bits, or 16 bits, which saves the instructions that widen them.
Patches are doubled, so that a sum is what `finish` takes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from export.c_code.model.kernels.channels import Channel
from export.c_code.model.kernels.dsp.assembly import twins
from export.c_code.model.kernels.dsp.rounding import FINISH, Rounding, scale_words
from export.c_code.model.kernels.dsp.words import WORDS, word
from export.c_code.model.layer import Kernel

PATCHES = 3
QUAD = 4  # taps
_QUADS_A_LOOP = 8
_SUMS = (("r8", "r9"), ("r10", "r11"), ("r12", "lr"))  # of each patch, for both rows

# Both put row 0's weights into r4 and r6, row 1's into r5 and r7; every instruction has 4 bytes.
_LOAD_16 = """
ldmia.w r1!, {r4-r7} @ weights of four taps
"""
_LOAD_8 = """
ldrd r4, r5, [r1], #8 @ weights of four taps
sxtb16 r6, r4, ror #8
sxtb16 r4, r4
sxtb16 r7, r5, ror #8
sxtb16 r5, r5
"""
_BYTES = {8: 80, 16: 64}  # of one quad's instructions
_JUMP = {  # r5 -= _BYTES * r4
    8: "sub r5, r5, r4, lsl #6\nsub r5, r5, r4, lsl #4",
    16: "sub r5, r5, r4, lsl #6",
}


def multiply_kernel(bits: int, rounding: Rounding) -> Kernel:
    """The kernel for weights of 8 or 16 bits."""
    signature = f"""\
void {multiply_name(bits, rounding)}(
    const uint32_t *patches, const uint32_t *weights, int32_t quads, int32_t pairs,
    int8_t *output, int32_t second, int32_t third)"""
    return Kernel(
        text=f"""\
/* Pairs of rows of {bits}-bit weights times three patches. `second` and `third` say how far behind
 * the first patch's outputs the other two are written; the first is written last. */
{twins(signature, listing=_listing(bits, rounding), twin=_twin(bits, rounding))}""",
        needs=(WORDS, FINISH),
    )


def multiply_name(bits: int, rounding: Rounding) -> str:
    return f"multiply_{bits}_bits{'_signed' if rounding.negatives else ''}"


def weight_words(
    weights: NDArray[np.int8], channels: Sequence[Channel], *, zero_point: int, bits: int
) -> list[int]:
    """The stream of all pairs of rows; an odd last row is paired with the one before.

    Args:
      weights: [rows, taps].
      channels: one a row.
      zero_point: of the output.
      bits: 8 or 16.
    """
    rows, taps = weights.shape
    padded = np.pad(weights, ((0, 0), (0, -taps % QUAD))).astype(np.int64)
    words: list[int] = []
    for first in pair_starts(rows):
        pair = (first, first + 1)
        words += [2 * channels[row].bias for row in pair]
        for tap in range(0, padded.shape[1], QUAD):
            words += _quad(padded[first : first + 2, tap : tap + QUAD].tolist(), bits)
        for row in pair:
            words += scale_words(channels[row], zero_point)
    return words


def pair_starts(rows: int) -> list[int]:
    """First rows of all pairs.

    >>> pair_starts(4), pair_starts(5)
    ([0, 2], [0, 2, 3])
    """
    return [*range(0, rows - 1, 2), *([rows - 2] if rows % 2 else [])]


def pair_instructions(quads: int, bits: int, rounding: Rounding) -> int:
    """Instructions that a pair of rows takes in the assembly.

    >>> pair_instructions(16, 16, Rounding(negatives=False))
    300
    """
    loops = -(-quads // _QUADS_A_LOOP)
    return 20 + 6 * rounding.instructions + _BYTES[bits] // 4 * quads + 3 * loops


def _quad(pair: Sequence[Sequence[int]], bits: int) -> list[int]:
    """Four taps of two rows as words."""
    if bits == 8:
        return [int.from_bytes(bytes(tap & 0xFF for tap in row), "little") for row in pair]
    even = [word(row[0], row[2]) for row in pair]
    return even + [word(row[1], row[3]) for row in pair]


def _listing(bits: int, rounding: Rounding) -> str:
    quad = (_LOAD_16 if bits == 16 else _LOAD_8) + "".join(_patch(*sums) for sums in _SUMS)
    return f"""
push {{r0-r11, lr}}
add r4, r2, r2, lsl #1
add r4, r0, r4, lsl #3
str r4, [sp, #4] @ end of the patches: 24 bytes a quad
sub r4, r2, #1
and r4, r4, #{_QUADS_A_LOOP - 1}
add r4, r4, #1
adr.w r5, 3f
{_JUMP[bits]}
add r5, r5, #1
str r5, [sp, #8] @ where a loop over this many quads is entered
ldr r4, [sp, #52]
add r4, r4, r3, lsl #1
str r4, [sp, #12] @ end of the output
1: @ a pair of rows
ldr r0, [sp]
ldrd r8, r9, [r1], #8 @ biases
mov r10, r8
mov r11, r9
mov r12, r8
mov lr, r9
ldr pc, [sp, #8]
2:
{quad * _QUADS_A_LOOP}
3:
ldr r2, [sp, #4]
cmp r0, r2
bne 2b
ldmia r1!, {{r2-r7}} @ scales of both rows
{_finish(rounding)}
ldr r0, [sp, #52] @ output
ldrd r2, r3, [sp, #56] @ second, third
strb {_SUMS[2][0]}, [r0, r3]
strb {_SUMS[1][0]}, [r0, r2]
strb {_SUMS[0][0]}, [r0], #1
strb {_SUMS[2][1]}, [r0, r3]
strb {_SUMS[1][1]}, [r0, r2]
strb {_SUMS[0][1]}, [r0], #1
str r0, [sp, #52]
ldr r2, [sp, #12]
cmp r0, r2
bne 1b
add sp, sp, #16
pop {{r4-r11, pc}}
"""


def _patch(sum_0: str, sum_1: str) -> str:
    """Four taps of one patch."""
    return f"""
ldrd r2, r3, [r0], #8
smlad {sum_0}, r4, r2, {sum_0}
smlad {sum_1}, r5, r2, {sum_1}
smlad {sum_0}, r6, r3, {sum_0}
smlad {sum_1}, r7, r3, {sum_1}
"""


def _finish(rounding: Rounding) -> str:
    scales = ("r2", "r3", "r4"), ("r5", "r6", "r7")
    return "".join(
        rounding.finish(total, scale=scale, free="r0")
        for sums in _SUMS
        for total, scale in zip(sums, scales, strict=True)
    )


_TAKE_16 = """\
            uint32_t w[4] = {weights[0], weights[1], weights[2], weights[3]};
            weights += 4;"""
_TAKE_8 = """\
            uint32_t w[4] = {even_bytes(weights[0]), even_bytes(weights[1]),
                             odd_bytes(weights[0]), odd_bytes(weights[1])};
            weights += 2;"""


def _twin(bits: int, rounding: Rounding) -> str:
    negatives = int(rounding.negatives)
    return f"""\
    const int32_t places[3] = {{0, second, third}};
    for (int32_t pair = 0; pair < pairs; pair++) {{
        int32_t sums[3][2];
        for (int32_t p = 0; p < 3; p++) {{
            sums[p][0] = (int32_t)weights[0];
            sums[p][1] = (int32_t)weights[1];
        }}
        weights += 2;
        for (int32_t quad = 0; quad < quads; quad++) {{
{_TAKE_16 if bits == 16 else _TAKE_8}
            for (int32_t p = 0; p < 3; p++) {{
                const uint32_t *taps = patches + 6 * quad + 2 * p;
                sums[p][0] = add_products(w[2], taps[1], add_products(w[0], taps[0], sums[p][0]));
                sums[p][1] = add_products(w[3], taps[1], add_products(w[1], taps[0], sums[p][1]));
            }}
        }}
        for (int32_t p = 2; p >= 0; p--) {{
            output[places[p]] = finish(sums[p][0], weights, {negatives});
            output[places[p] + 1] = finish(sums[p][1], weights + 3, {negatives});
        }}
        weights += 6;
        output += 2;
    }}
"""
