"""Assembly as C functions, each beside the C that says what it does.

GCC 12 spills registers in loops that use all of them, so those loops are written in assembly, as
whole functions: a function that is "naked" has no code but its own. Its C twin does the same on
every core. Tests compare the two.
"""

_MARK = "@"  # begins a comment in a listing
_COLUMN = 46  # of comments
# A compiler does not see that assembly reads the parameters.
_BEFORE = """\
#ifdef KWS_MODEL_ASM
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
"""
_BETWEEN = """\
#pragma GCC diagnostic pop
#else
"""


def twins(signature: str, *, listing: str, twin: str) -> str:
    """C text of a function in assembly and of its twin in C.

    Args:
      signature: C text of the function before its body, from the return type on.
      listing: an instruction or a label a line; `@` begins a comment.
      twin: C text of the body.

    >>> print(twins("int f(void)", listing="bx lr @ back", twin="    return 0;"), end="")
    #ifdef KWS_MODEL_ASM
    #pragma GCC diagnostic push
    #pragma GCC diagnostic ignored "-Wunused-parameter"
    KWS_MODEL_NAKED static int f(void)
    {
        __asm__ volatile(
            "bx lr\\n"                              /* back */
        );
    }
    #pragma GCC diagnostic pop
    #else
    static int f(void)
    {
        return 0;
    }
    #endif
    """
    lines = "\n".join(_line(line) for line in listing.strip().splitlines() if line.strip())
    body = twin.strip("\n")
    return (
        f"{_BEFORE}KWS_MODEL_NAKED static {signature}\n{{\n    __asm__ volatile(\n"
        f"{lines}\n    );\n}}\n{_BETWEEN}static {signature}\n{{\n{body}\n}}\n#endif\n"
    )


def _line(line: str) -> str:
    code, _, comment = (part.strip() for part in line.partition(_MARK))
    text = f'        "{code}\\n"'
    return f"{text:{_COLUMN}} /* {comment} */" if comment else text
