"""Print docs/ladder.svg: from one-second clips down the ladder to a device.

Usage: python docs/make_ladder.py > docs/ladder.svg

Nothing is drawn behind the picture, and its colours read on white and on black.
"""

import math
import sys

WIDTH, HEIGHT = 900, 356
SECOND = 240  # width of one second of audio
LEFT, NETWORKS, DEVICE = 20, 330, 640  # where the three columns begin
BOX_WIDTH, BOX_HEIGHT = 240, 56
GREY, BLUE, ORANGE, GREEN = "#78828c", "#2b6cb0", "#b7561c", "#2f7d4f"
# Of each rung: its input, where that crop begins (share of a second), and what is written in it.
RUNGS = (
    (1000, 0.0, "teacher", "learns from the corpus' labels"),
    (800, 0.12, "student, then teacher", "learns from labels of the one above"),
    (500, 0.26, "student", "learns from labels of the one above"),
)
FIRST_ROW, ROW_STEP = 110, 90


def picture() -> str:
    """The whole SVG file."""
    parts = [*_columns(), *_audio()]
    for number, rung in enumerate(RUNGS):
        parts += _rung(number, *rung)
    return "\n".join([_HEAD, *parts, *_device(), "</svg>", ""])


_HEAD = f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"
  height="{HEIGHT}" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" role="img">
<title>A teacher that takes 1000 ms labels 800 ms crops for a student, which labels 500 ms crops for
the last student. That one becomes int8 and C on a microcontroller.</title>
<defs><marker id="tip" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">
<path d="M0,0 L9,4 L0,8 z" fill="{GREY}"/></marker></defs>"""


def _columns() -> list[str]:
    return [
        _text(LEFT + SECOND / 2, 22, "a clip of one second", size=14, bold=True),
        _text(NETWORKS + BOX_WIDTH / 2, 22, "the ladder", size=14, bold=True),
        _text(DEVICE + BOX_WIDTH / 2, 22, "the device", size=14, bold=True),
    ]


def _audio() -> list[str]:
    """A word in the middle of a second, as bars."""
    bars = []
    for place in range(0, SECOND, 4):
        word = math.exp(-(((place / SECOND - 0.5) / 0.17) ** 2))
        height = 2 + 44 * word * abs(math.sin(place * 0.31) * math.cos(place * 0.071 + 0.4))
        bars.append(f"M{LEFT + place + 2},{60 - height / 2:.1f} v{height:.1f}")
    return [f'<path d="{" ".join(bars)}" stroke="{GREY}" stroke-width="2"/>']


def _rung(number: int, length_ms: int, start: float, title: str, learns: str) -> list[str]:
    top = FIRST_ROW + number * ROW_STEP
    middle, crop = top + BOX_HEIGHT / 2, SECOND * length_ms / 1000
    colour = BLUE if number else ORANGE
    parts = [
        _box(LEFT + start * SECOND, middle - 14, crop, 28, colour),
        _text(LEFT + start * SECOND + crop / 2, middle + 5, f"{length_ms} ms crop", colour="#fff"),
        _line(LEFT + start * SECOND + crop + 6, middle, NETWORKS - 6, middle),
        _box(NETWORKS, top, BOX_WIDTH, BOX_HEIGHT, colour),
        _text(NETWORKS + BOX_WIDTH / 2, top + 24, f"rung {number}: {title}", colour="#fff"),
        _text(NETWORKS + BOX_WIDTH / 2, top + 43, learns, colour="#fff", size=12),
    ]
    if number:
        above = NETWORKS + BOX_WIDTH / 2
        parts.append(_line(above, top - ROW_STEP + BOX_HEIGHT + 3, above, top - 4))
        parts.append(_text(above + 10, top - 13, "soft labels", size=12, anchor="start"))
    return parts


def _device() -> list[str]:
    last = FIRST_ROW + (len(RUNGS) - 1) * ROW_STEP
    middle, centre = last + BOX_HEIGHT / 2, DEVICE + BOX_WIDTH / 2
    first = FIRST_ROW + BOX_HEIGHT
    return [
        _line(NETWORKS + BOX_WIDTH + 6, middle, DEVICE - 6, middle),
        _text(NETWORKS + BOX_WIDTH + 35, middle - 8, "export", size=12),
        _box(DEVICE, last, BOX_WIDTH, BOX_HEIGHT, GREEN),
        _text(centre, last + 24, "int8 .tflite and plain C", colour="#fff"),
        _text(centre, last + 43, "compared with the float student", colour="#fff", size=12),
        _line(centre, last - 4, centre, first + 3),
        _text(centre + 10, last - 46, "build, flash", size=12, anchor="start"),
        _box(DEVICE, FIRST_ROW, BOX_WIDTH, BOX_HEIGHT, GREEN),
        _text(centre, FIRST_ROW + 24, "microcontroller", colour="#fff"),
        _text(centre, FIRST_ROW + 43, "samples in, word out", colour="#fff", size=12),
    ]


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{colour}"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"'
    return f'<line {ends} stroke="{GREY}" stroke-width="1.6" marker-end="url(#tip)"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 13,
    colour: str = GREY,
    anchor: str = "middle",
    bold: bool = False,
) -> str:
    weight = ' font-weight="600"' if bold else ""
    place = f'x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}"{weight}>{text}</text>'


if __name__ == "__main__":
    sys.stdout.write(picture())
