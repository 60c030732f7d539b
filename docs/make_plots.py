"""Draw the plots of docs/results from the tables of its pages: a plot can't say other figures.

Usage: python docs/make_plots.py [FOLDER]

Writes one SVG for each plot into FOLDER; docs/results if none is given. Nothing is drawn behind a
plot, and its colours read on white and on black.
"""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

RESULTS = Path(__file__).parent / "results"
GREY, BLUE, ORANGE, GREEN = "#78828c", "#3b82c4", "#c96a28", "#3f9463"
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "docs",  # the same plot has the same bytes
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.transparent": True,
    "font.size": 10,
    "text.color": GREY,
    "axes.labelcolor": GREY,
    "axes.edgecolor": GREY,
    "axes.titlecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
PROTOCOLS = ("loudest", "sliding", "random", "centre")
Row = dict[str, str]
Interval = tuple[float, float, float]


def tables(page: str, section: str) -> list[list[Row]]:
    """Tables under the heading that begins with `section`, each row by the names of its columns."""
    text = (RESULTS / page).read_text("utf-8")
    found = re.search(rf"^#+ {re.escape(section)}.*?(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{page} has no section {section!r}")
    return [_table(block) for block in re.findall(r"(?:^\|.*\n?)+", found[0], re.MULTILINE)]


def _table(block: str) -> list[Row]:
    names, _, *rows = (
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def numbers(cell: str) -> list[float]:
    """All numbers of a cell.

    >>> numbers("95.61 (95.44, 95.59)"), numbers("-0.02 [-0.70, +0.67]"), numbers("9,751")
    ([95.61, 95.44, 95.59], [-0.02, -0.7, 0.67], [9751.0])
    """
    return [float(number) for number in re.findall(r"[-+]?\d+(?:\.\d+)?", cell.replace(",", ""))]


def row(rows: Sequence[Row], name: str) -> Row:
    """The row whose first cell begins with `name`."""
    return next(row for row in rows if next(iter(row.values())).startswith(name))


def accuracy() -> Figure:
    """Three networks under four protocols, the seeds of one of them as small dots."""
    best = tables("accuracy.md", "best_8kw")[0]
    fast = tables("accuracy.md", "fast_8kw")[0]
    shown = [
        ("best_8kw student", row(best, "student, float"), BLUE, "o"),
        ("the same network on hard labels", row(best, "hard labels, float"), ORANGE, "D"),
        ("fast_8kw student", row(fast, "student, float"), GREEN, "s"),
    ]
    figure, axes = _axes(7.4, 3.4)
    for place, (name, cells, colour, marker) in enumerate(shown):
        heights = [index + 0.22 * (place - 1) for index in range(len(PROTOCOLS))]
        found = [numbers(cells[protocol]) for protocol in PROTOCOLS]
        means = [values[0] for values in found]
        for height, (mean, *seeds) in zip(heights, found, strict=True):
            axes.plot(seeds, [height] * len(seeds), ".", color=colour, alpha=0.6)
            axes.annotate(
                f"{mean:.2f}", (97.2, height), color=colour, va="center", annotation_clip=False
            )
        axes.plot(means, heights, marker, color=colour, label=name)
    _named_rows(axes, PROTOCOLS)
    axes.set(xlim=(79, 97), xlabel="accuracy at 500 ms, test list, % (small dots: seeds)")
    _legend_above(axes)
    return figure


def choices() -> Figure:
    """What each choice gains on loudest crops, largest first."""
    rows = [
        cells
        for cells in tables("accuracy.md", "Which choices matter?")[0]
        if cells["gain, loudest"]
    ]
    rows.sort(key=lambda cells: numbers(cells["gain, loudest"])[0])
    names = [f"{cells['row']} (against {cells['compared with']})" for cells in rows]
    figure, axes = _axes(7.4, 8.2)
    axes.axvline(0, color=GREY, linewidth=1)
    for height, cells in enumerate(rows):
        mean, low, high = numbers(cells["gain, loudest"])
        colour = BLUE if low > 0 else ORANGE if high < 0 else GREY
        _interval(axes, height, (mean, low, high), colour)
    _named_rows(axes, names, downwards=False)
    axes.set(xlabel="gain on loudest crops, points, with 95 % interval")
    return figure


def int8() -> Figure:
    """Points that int8 gains over float, a dot for each seed."""
    best, fast = tables("int8.md", "How much accuracy is lost?")[:2]
    before, after = row(best, "student, float"), row(best, "student, int8 (")
    series = [
        ("best_8kw, ptq", {p: _gains(before[p], after[p]) for p in PROTOCOLS}, BLUE, "o"),
        ("fast_8kw, ptq", {p: numbers(fast[0][p]) for p in PROTOCOLS}, ORANGE, "D"),
        ("fast_8kw, qat_distilled", {p: numbers(fast[1][p]) for p in PROTOCOLS}, GREEN, "s"),
    ]
    figure, axes = _axes(7.4, 2.7)
    axes.axvline(0, color=GREY, linewidth=1)
    for place, (name, by_protocol, colour, marker) in enumerate(series):
        for height, protocol in enumerate(PROTOCOLS):
            seeds = by_protocol[protocol]
            heights = [height + 0.24 * (place - 1)] * len(seeds)
            label = name if height == 0 else None
            axes.plot(seeds, heights, marker, color=colour, markersize=5, alpha=0.85, label=label)
    _named_rows(axes, PROTOCOLS)
    axes.set(xlim=(-0.75, 0.75), xlabel="int8 less float, points (one dot a seed; XNNPACK)")
    _legend_above(axes)
    return figure


def _gains(before: str, after: str) -> list[float]:
    """Seed by seed, from cells of a mean and its seeds."""
    pairs = zip(numbers(before)[1:], numbers(after)[1:], strict=True)
    return [new - old for old, new in pairs]


def firmware() -> Figure:
    """Two models on four cores: instructions, then flash and RAM."""
    rows = tables("firmware.md", "What does portable C take?")[0]
    models = (("MLPerf Tiny", ORANGE), ("fast_8kw student", BLUE))
    panels = (
        ("instructions", 1e6, "instructions an inference, million"),
        ("flash", 1024, "flash, KiB"),
        ("RAM", 1024, "RAM, KiB"),
    )
    with plt.rc_context(STYLE):
        figure, all_axes = plt.subplots(1, 3, figsize=(7.4, 2.5), layout="constrained")
    for axes, (column, unit, title) in zip(all_axes, panels, strict=True):
        for place, (model, colour) in enumerate(models):
            own = [cells for cells in rows if model in cells["model, core"].replace("`", "")]
            values = [numbers(cells[column])[0] / unit for cells in own]
            cores = [cells["model, core"].rpartition(", ")[2] for cells in own]
            middles = [index + 0.4 * place for index in range(len(own))]
            bars = axes.bar(middles, values, 0.36, color=colour, label=model)
            axes.bar_label(bars, fmt="%.2g", fontsize=8, color=GREY, padding=1)
            axes.set_xticks([middle - 0.2 * place for middle in middles], cores)
        axes.set_title(title, fontsize=9)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def speed() -> Figure:
    """How much of the training rate each recipe's input leaves."""
    rows = tables("speed.md", "Does the input pipeline hold up training?")[0]
    figure, axes = _axes(7.4, 3.6)
    axes.axvline(0.9, color=ORANGE, linewidth=1, linestyle=":")
    axes.annotate(" goal: 0.9", (0.9, -0.75), color=ORANGE, fontsize=8)
    for height, cells in enumerate(rows):
        ratio, low, high = numbers(cells["ratio (smallest to largest)"])
        _interval(axes, height, (ratio, low, high), BLUE)
    _named_rows(axes, [_plain(cells["recipe, rung"]) for cells in rows])
    axes.set(xlabel="training rate end to end / on a cached batch")
    return figure


def paper() -> Figure:
    """The paper's ladders and four baselines at 500 ms."""
    rows = tables("paper.md", "Do the paper's ladders hold up?")[0]
    figure, axes = _axes(7.4, 3.2)
    for height, cells in enumerate(rows):
        colour = BLUE if cells["paper"] else ORANGE
        mean, low, high = numbers(cells["loudest"])
        _interval(axes, height, (mean, low, high), colour)
        if cells["paper"]:
            axes.plot(numbers(cells["paper"]), [height], "D", color=GREY, fillstyle="none")
    axes.plot([], [], "D", color=GREY, fillstyle="none", label="the paper")
    axes.plot([], [], "o", color=BLUE, label="ladders here")
    axes.plot([], [], "o", color=ORANGE, label="baselines here")
    _named_rows(axes, [cells["network at 500 ms"] for cells in rows])
    axes.set(xlabel="accuracy at 500 ms, loudest crops, %, with 95 % interval")
    _legend_above(axes)
    return figure


PLOTS: dict[str, Callable[[], Figure]] = {
    draw.__name__: draw for draw in (accuracy, choices, int8, firmware, speed, paper)
}


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    axes.grid(axis="x", color=GREY, alpha=0.25)
    axes.tick_params(axis="y", length=0)
    return figure, axes


def _interval(axes: Axes, height: float, interval: Interval, colour: str) -> None:
    mean, low, high = interval
    axes.plot([low, high], [height, height], color=colour, linewidth=2)
    axes.plot([mean], [height], "o", color=colour)


def _named_rows(axes: Axes, names: Sequence[str], *, downwards: bool = True) -> None:
    axes.set_yticks(range(len(names)), names)
    ends = (len(names) - 0.4, -0.9) if downwards else (-0.9, len(names) - 0.4)
    axes.set_ylim(*ends)


def _legend_above(axes: Axes) -> None:
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, fontsize=9)


def _plain(cell: str) -> str:
    """Without code marks and the letter of a footnote."""
    return re.sub(r" \(\w\)$", "", cell).replace("`", "")


def main(folder: Path) -> None:
    """Write all plots."""
    for name, draw in PLOTS.items():
        with plt.rc_context(STYLE):
            figure = draw()
            # No date: the same figures give the same file.
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})
            plt.close(figure)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS)
