"""A depthwise convolution as lines: along one axis two values share a word.

The other axis counts lines. Rows and columns may take either part. A line is padded on both sides,
and so long that outputs can be computed in pairs.
"""

from dataclasses import dataclass, replace

from export.c_code.model.c_text import struct_text
from export.c_code.model.kernels.window import Axis, Window
from export.c_code.model.layer import Kernel

LINES = Kernel(
    text="""\
/* A depthwise convolution over lines of values, two values of a line in a word. */
struct lines {
    int32_t step, line_step;               /* from output to output, from line to line */
    int32_t outputs, output_lines;
    int32_t tap_line_bytes;                /* from a tap's line to the next tap's */
    int32_t next_line_bytes;               /* from an output's line to the next output's */
    int32_t line_words, line_count;        /* of the padded input */
    int32_t before, lines_before;          /* padding */
    int32_t length, lines;                 /* of the input */
    int32_t input_step, input_line_step;
    int32_t depth, multiplier;             /* channels, and outputs of each */
    int32_t taps, tap_lines, dilation, stride;
    int32_t zero;                          /* the input's zero point */
};
"""
)
# Offsets that the assembly reads.
STEP, LINE_STEP, OUTPUTS, OUTPUT_LINES, TAP_LINE, NEXT_LINE = range(0, 24, 4)


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Which axis runs along the lines.

    Args:
      along, across: the two axes of the window.
      rows_along: True if lines are columns of the image, that is, rows run along them.
    """

    along: Axis
    across: Axis
    rows_along: bool

    @property
    def tap_words(self) -> int:
        """Words of a line in which the taps of one output lie, wherever they begin."""
        return self.along.extent // 2 + 1

    @property
    def words_an_output(self) -> int:
        return self.tap_words * self.across.taps

    @property
    def line_words(self) -> int:
        seen = (self.along.output - 1) * self.along.stride + 2 * self.tap_words
        return -(-max(seen, self.along.before + self.along.input) // 2)

    @property
    def line_count(self) -> int:
        seen = (self.across.output - 1) * self.across.stride + self.across.extent
        return max(seen, self.across.before + self.across.input)

    @property
    def plane_words(self) -> int:
        return self.line_words * self.line_count


def undilated(where: Window) -> Window:
    """A dilated column of pixels as several columns without dilation, where it divides evenly.

    Every second pixel of a column of six is a column of two with three pixels each; in memory they
    lie the same.
    """
    rows, columns = where.rows, where.columns
    apart = rows.dilation
    if (
        (columns.input, columns.taps, rows.stride) != (1, 1, 1)
        or rows.input != rows.output
        or rows.input % apart
        or rows.before % apart
    ):
        return where
    size = rows.input // apart
    return Window(
        rows=replace(rows, input=size, output=size, dilation=1, before=rows.before // apart),
        columns=replace(columns, input=apart, output=apart, stride=1),
    )


def lines(where: Window) -> Lines:
    """The axis with fewer words an output runs along the lines; rows if there is no difference."""
    down = Lines(along=where.rows, across=where.columns, rows_along=True)
    right = Lines(along=where.columns, across=where.rows, rows_along=False)
    return min((down, right), key=lambda each: each.words_an_output)


def lines_table(
    name: str, given: Lines, *, columns: tuple[int, int], depth: int, multiplier: int, zero: int
) -> str:
    """The constant of type `struct lines`.

    Args:
      name: of the constant.
      given: the layer as lines.
      columns: of input and output.
      depth: channels of the input.
      multiplier: output channels of each.
      zero: the input's zero point.
    """
    along, across = given.along, given.across
    steps = _steps(columns[1] * depth * multiplier, depth * multiplier, given.rows_along)
    input_steps = _steps(columns[0] * depth, depth, given.rows_along)
    single = along.output == 1  # then it is computed as a pair, both written to one place
    line_bytes = 4 * given.line_words
    return struct_text(
        "lines",
        name,
        ((0 if single else steps[0], steps[1]), "steps from output to output, line to line"),
        ((2 if single else along.output, across.output), "outputs of a line, lines"),
        ((across.dilation * line_bytes, across.stride * line_bytes), "bytes between lines"),
        ((given.line_words, given.line_count), "words of a line, lines"),
        ((along.before, across.before), "padding before"),
        ((along.input, across.input), "values of a line of the input, lines"),
        (input_steps, "steps from value to value, line to line"),
        ((depth, multiplier), "channels, outputs of each"),
        ((along.taps, across.taps, along.dilation, along.stride), "taps, dilation, stride"),
        ((zero,), "zero point of the input"),
    )


def _steps(row: int, pixel: int, rows_along: bool) -> tuple[int, int]:
    return (row, pixel) if rows_along else (pixel, row)
