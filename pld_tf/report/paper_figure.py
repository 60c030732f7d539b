"""The plot of a reproduction, in the page's colours."""

from markupsafe import Markup

from pld_tf.report.run_files import PaperReport
from pld_tf.report.svg import FAINT, INK, SERIES, drawing, inline_svg
from pld_tf.reproduce import plot

_COLOURS = {
    plot.OURS: SERIES[0],
    plot.BASELINE: SERIES[1],
    plot.PAPER: INK,
    plot.GRID: FAINT,
}


def paper_figure(report: PaperReport, *, name: str) -> Markup:
    """Every ladder and baseline under the four protocols, beside the paper's figures."""
    with drawing():
        figure = plot.plot(report.model_dump())
        title = "accuracy of every ladder and baseline at 500 ms under four protocols"
        return inline_svg(figure, name=name, title=title, also=_COLOURS, wide=True)
