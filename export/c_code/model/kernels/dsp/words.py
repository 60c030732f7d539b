"""C of two 16-bit values in a word, and of the instructions that work on both at once."""

from collections.abc import Sequence

from export.c_code.model.layer import Kernel

_WORDS_PER_LINE = 8

FOUR_BYTES = Kernel(
    text="""\
/* Four bytes at any address: compilers make one instruction of each. */
static inline uint32_t load_4(const int8_t *from)
{
    const uint8_t *bytes = (const uint8_t *)from;
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}
static inline void store_4(int8_t *to, uint32_t word)
{
    for (int i = 0; i < 4; i++) to[i] = (int8_t)(word >> 8 * i & 0xFF);
}
"""
)

WORDS = Kernel(
    text="""\
/* Two signed values of 16 bits share a word, the first in its lower half. Those with
 * assembly are one instruction of the DSP extension, beside what it does. */
static inline int32_t lower(uint32_t word) { return (int16_t)(word & 0xFFFF); }
static inline int32_t upper(uint32_t word) { return (int16_t)(word >> 16); }
static inline uint32_t word_of(int32_t first, int32_t second)
{
    return ((uint32_t)first & 0xFFFF) | (uint32_t)second << 16;
}

#ifdef KWS_MODEL_ASM
#define INSTRUCTION_1(text, a) \\
    uint32_t result; \\
    __asm__(text : "=r"(result) : "r"(a)); \\
    return result
#define INSTRUCTION_2(text, a, b) \\
    uint32_t result; \\
    __asm__(text : "=r"(result) : "r"(a), "r"(b)); \\
    return result
static inline uint32_t even_bytes(uint32_t word) { INSTRUCTION_1("sxtb16 %0, %1", word); }
static inline uint32_t odd_bytes(uint32_t word) { INSTRUCTION_1("sxtb16 %0, %1, ror #8", word); }
static inline uint32_t add_halves(uint32_t a, uint32_t b)
{
    INSTRUCTION_2("sadd16 %0, %1, %2", a, b);
}
static inline uint32_t add_even_bytes(uint32_t sum, uint32_t word)
{
    INSTRUCTION_2("sxtab16 %0, %1, %2", sum, word);
}
static inline uint32_t add_odd_bytes(uint32_t sum, uint32_t word)
{
    INSTRUCTION_2("sxtab16 %0, %1, %2, ror #8", sum, word);
}
static inline int32_t add_products(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t result;
    __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}
#else
static inline uint32_t even_bytes(uint32_t word)
{
    return word_of((int8_t)(word & 0xFF), (int8_t)(word >> 16 & 0xFF));
}
static inline uint32_t odd_bytes(uint32_t word) { return even_bytes(word >> 8); }
static inline uint32_t add_halves(uint32_t a, uint32_t b)
{
    return word_of(lower(a) + lower(b), upper(a) + upper(b));
}
static inline uint32_t add_even_bytes(uint32_t sum, uint32_t word)
{
    return add_halves(sum, even_bytes(word));
}
static inline uint32_t add_odd_bytes(uint32_t sum, uint32_t word)
{
    return add_halves(sum, odd_bytes(word));
}
static inline int32_t add_products(uint32_t a, uint32_t b, int32_t sum)
{
    return sum + lower(a) * lower(b) + upper(a) * upper(b);
}
#endif
""",
    needs=(FOUR_BYTES,),
)


def word(first: int, second: int) -> int:
    """Two signed 16-bit values in a word, the first in its lower half.

    >>> hex(word(-1, 2))
    '0x2ffff'
    """
    return (first & 0xFFFF) | (second & 0xFFFF) << 16


def words_text(name: str, words: Sequence[int]) -> str:
    """A table of words of 32 bits; negative numbers in two's complement."""
    rows = [words[start : start + _WORDS_PER_LINE] for start in range(0, len(words), 8)]
    lines = ("    " + " ".join(f"0x{word & 0xFFFFFFFF:08x}," for word in row) for row in rows)
    return f"static const uint32_t {name}[{len(words)}] = {{\n" + "\n".join(lines) + "\n};\n"
