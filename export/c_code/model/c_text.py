"""Small pieces of C text: calls, arrays, constants."""

from collections.abc import Sequence

_MAX_COLUMNS = 100
_PER_ROW = _MAX_COLUMNS // len("-128,")


def shape_text(shape: Sequence[int]) -> str:
    """A shape as comments show it, without the batch.

    >>> shape_text((1, 25, 5, 64)), shape_text((1, 12)), shape_text((7,))
    ('25x5x64', '12', '7')
    """
    return "x".join(str(size) for size in (shape[1:] if len(shape) > 1 else shape))


def call_text(function: str, *arguments: str) -> str:
    """A call as a C statement, on as many lines as it needs.

    >>> print(call_text("pad", "&pad_3_shape", "input", "output"), end="")
        pad(&pad_3_shape, input, output);
    """
    start = f"    {function}("
    lines: list[str] = []
    line = start + arguments[0]
    for argument in arguments[1:]:
        line += ","
        if len(line) + len(argument) + 3 > _MAX_COLUMNS:
            lines.append(line)
            line = " " * (len(start) - 1)
        line += f" {argument}"
    return "\n".join([*lines, line]) + ");\n"


def braced(numbers: Sequence[int]) -> str:
    """Numbers as a C initializer.

    >>> braced([1, 2])
    '{1, 2}'
    """
    return "{" + ", ".join(str(number) for number in numbers) + "}"


def struct_text(kind: str, name: str, *rows: tuple[Sequence[int | str], str]) -> str:
    """A constant of type `struct kind`. Each row is a group of fields and a comment on it."""
    numbers = [", ".join(str(number) for number in group) + "," for group, _ in rows]
    width = max(map(len, numbers))
    lines = (
        f"    {row:{width}} /* {what} */\n" for row, (_, what) in zip(numbers, rows, strict=True)
    )
    return f"static const struct {kind} {name} = {{\n{''.join(lines)}}};\n"


def bytes_text(name: str, values: Sequence[int], *, qualifier: str = "static const int8_t") -> str:
    """An int8 array. Without blanks, because weights are most of all text."""
    rows = (values[start : start + _PER_ROW] for start in range(0, len(values), _PER_ROW))
    lines = "".join(",".join(map(str, row)) + ",\n" for row in rows)
    return f"{qualifier} {name}[{len(values)}] = {{\n{lines}}};\n"
