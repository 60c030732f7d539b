"""Matplotlib figures as SVG inside the page: its colours, its font, names of its own."""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Matplotlib wants colours. These stand for the page's own, which differ by day and night.
INK, FAINT, PAGE = "#010101", "#020202", "#030303"
SERIES = ("#040401", "#040402", "#040403", "#040404", "#040405", "#040406")
_VARIABLES = {INK: "ink", FAINT: "faint", PAGE: "page"} | {
    colour: f"series-{number}" for number, colour in enumerate(SERIES, 1)
}
_NO_METADATA = ("Date", "Creator", "Format", "Type")
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # names come from files: a $ is a $
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Draws as the page wants it, whatever the user's matplotlibrc says."""
    from matplotlib import rc_context, style

    with style.context("default"), rc_context(_STYLE), catch_warnings():
        simplefilter("ignore", UserWarning)  # no glyph: the browser has another font
        yield


def inline_svg(
    figure: "Figure",
    *,
    name: str,
    title: str,
    also: Mapping[str, str] | None = None,
    wide: bool = False,
) -> Markup:
    """An `svg` element that scales with the page and is an image to a screen reader.

    Args:
      figure: drawn inside `drawing`, in the colours of this module.
      name: of the figure; begins every id, because a page holds many figures.
      title: what a screen reader says.
      also: colours of a figure that was not made for the page, to colours of this module.
      wide: too wide for a phone, where it can be scrolled.
    """
    from matplotlib import rc_context

    file = io.StringIO()
    with rc_context({"svg.hashsalt": name}):  # the same figure has the same bytes
        figure.savefig(
            file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    text = file.getvalue()
    box = text.partition('viewBox="')[2].partition('"')[0]
    body = text[text.index(">", text.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", body)
    for colour, own in (also or {}).items():
        body = body.replace(colour, own)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    kind = ' class="wide"' if wide else ""
    width = f"max-width: {box.split()[2]}pt"
    head = f'<svg{kind} role="img" aria-label="{escape(title)}" viewBox="{box}" style="{width}">'
    return Markup(head + body.replace("xlink:href", "href"))
