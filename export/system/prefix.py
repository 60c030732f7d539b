"""Another prefix than kws: for symbols, macros, file names and include guards of a bundle's C.

So several bundles can be linked into one program.
"""

import re

DEFAULT = "kws"
_FORM = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MOST_CHARACTERS = 24
_NAME = re.compile(r"\b(kws|KWS)(?=_|\b)")
_STRING = re.compile(r'("(?:[^"\\]|\\.)*")')
# Words of C and C++, headers of the C library (PREFIX.h would hide them), names that Windows keeps
# from files, and what the benchmark calls its own.
_TAKEN_NAMES = """
    auto bool break case char class const continue default delete do double else enum explicit
    export extern false float for friend goto if inline int long mutable namespace new operator
    private protected public register restrict return short signed sizeof static struct switch
    template this throw true try typedef typename union unsigned using virtual void volatile while
    asm and or not xor catch concept requires nullptr alignas alignof decltype noexcept
    assert complex ctype errno fenv inttypes iso646 limits locale math memory setjmp signal
    stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings tgmath
    threads time uchar unistd wchar wctype aux con nul prn bench image tflite
"""
_TAKEN = frozenset(_TAKEN_NAMES.split())


def why_not(prefix: str) -> str | None:
    """Why a text cannot be a prefix; None if it can.

    >>> why_not("wake"), why_not("vad_2")
    (None, None)
    >>> why_not("2nd")
    'it must be lower-case letters and digits, words joined by _, a letter first'
    """
    if not _FORM.fullmatch(prefix):
        return "it must be lower-case letters and digits, words joined by _, a letter first"
    if len(prefix) > _MOST_CHARACTERS:
        return f"it must have at most {_MOST_CHARACTERS} characters"
    if prefix in _TAKEN:
        return "C, its library or the benchmark has this name already"
    return None


def renamed(text: str, prefix: str) -> str:
    r"""C text with another prefix. Strings stay as they are, but for names of files and errors.

    >>> renamed('#include "kws_model.h"\nint kws_init(struct kws *k); /* KWS_OK */', "wake")
    '#include "wake_model.h"\nint wake_init(struct wake *k); /* WAKE_OK */'
    >>> renamed('#define KWS_LABELS { "kws", "no" }', "wake")
    '#define WAKE_LABELS { "kws", "no" }'
    """
    if prefix == DEFAULT:
        return text
    return "\n".join(_line(line, prefix) for line in text.split("\n"))


def renamed_file(name: str, prefix: str) -> str:
    """A file's name with another prefix.

    >>> renamed_file("examples/kws_example.c", "wake"), renamed_file("model.tflite", "wake")
    ('examples/wake_example.c', 'model.tflite')
    """
    return _other(name, prefix)


def _line(line: str, prefix: str) -> str:
    if line.startswith(("#include", "#error")):
        return _other(line, prefix)
    parts = _STRING.split(line)  # every second one is a string
    return "".join(part if place % 2 else _other(part, prefix) for place, part in enumerate(parts))


def _other(text: str, prefix: str) -> str:
    return _NAME.sub(lambda found: prefix if found[1] == DEFAULT else prefix.upper(), text)
