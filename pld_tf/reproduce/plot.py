"""A reproduction's report as a picture: every ladder and baseline at 500 ms, four protocols."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pld_tf.recipe.tables import PROTOCOLS
from pld_tf.system.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OURS, BASELINE, PAPER, GRID = "#1b5e9e", "#8a4b08", "#777777", "#dddddd"
_PAPER_TITLE = "the paper (it does not say where its crops lie)"


def write_plot(path: Path, report: dict[str, Any]) -> None:
    """Write a PNG; the same report gives the same bytes."""
    # Imported here, because it takes a second and other commands do not need it. Figure alone has
    # no global state and draws with Agg, which needs no display.
    from matplotlib import style

    with style.context("default"):  # whatever the user's matplotlibrc says
        picture = _picture(report)
    write_bytes(path, picture)


def _picture(report: dict[str, Any]) -> bytes:
    picture = io.BytesIO()
    plot(report).savefig(picture, format="png", dpi=110, metadata={"Software": None})
    return picture.getvalue()


def plot(report: dict[str, Any]) -> "Figure":
    """The picture as a figure, in the style that is set."""
    from matplotlib.figure import Figure

    rows = _rows(report)
    figure = Figure(figsize=(12, 1.8 + 0.52 * len(rows)), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, protocol in zip(panels.flat, PROTOCOLS, strict=True):
        _panel(axes, protocol, rows)
    figure.supxlabel("accuracy at 500 ms, %, with 95 % interval")
    _name_rows(panels[0, 0], [title for title, *_ in rows])
    handles, names = panels[0, 0].get_legend_handles_labels()
    unique = dict(zip(names, handles, strict=True))
    figure.legend(
        unique.values(), unique.keys(), loc="outside upper center", ncols=len(unique), frameon=False
    )
    return figure


def _rows(report: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Title, colour and figures of each line, from top to bottom."""
    ladders = [
        (" > ".join(map(str, row["ladder_ms"])), OURS, row["rungs"][-1])
        for row in report["ladders"]
    ]
    return ladders + [(row["title"], BASELINE, row) for row in report["baselines"]]


def _panel(axes: "Axes", protocol: str, rows: list[tuple[str, str, dict[str, Any]]]) -> None:
    for place, (_, colour, net) in enumerate(rows):
        if (printed := net.get("paper")) is not None:
            axes.plot(
                printed,
                place,
                "D",
                color=PAPER,
                fillstyle="none",
                markersize=5,
                label=_PAPER_TITLE,
            )
        if values := net["protocols"].get(protocol):
            mean, low, high = (100 * values[end] for end in ("mean", "low", "high"))
            axes.hlines(place, low, high, color=colour, linewidth=2)
            title = "ladders here" if colour == OURS else "baselines here"
            axes.plot(mean, place, "o", color=colour, markersize=5, label=title)
    _mark_hard_labels(axes, protocol, [net for _, colour, net in rows if colour == BASELINE])
    axes.set_title(f"{protocol} crops")
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _mark_hard_labels(axes: "Axes", protocol: str, baselines: list[dict[str, Any]]) -> None:
    """A vertical line at the first baseline. Ladders to the right of it gain accuracy."""
    if baselines and (values := baselines[0]["protocols"].get(protocol)):
        axes.axvline(
            100 * values["mean"], color=BASELINE, linestyle=":", label="hard labels, same crops"
        )


def _name_rows(axes: "Axes", titles: list[str]) -> None:
    axes.set_yticks(range(len(titles)), titles)
    axes.set_ylim(len(titles) - 0.5, -0.5)  # the first row on top
