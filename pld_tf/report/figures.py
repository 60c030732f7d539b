"""The figures of the page. Each has a table of the same numbers beside it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from pld_tf.recipe.tables import PROTOCOLS
from pld_tf.report.facts import Rung, StreamFacts, Tested
from pld_tf.report.svg import FAINT, INK, PAGE, SERIES, drawing, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 4.9  # inches: a phone shows it in nearly its own size
_MARKERS = "osD^vP"
_LEGEND_MARK, _LEGEND_LETTER = 36, 5.2  # points that an entry of a legend takes
_SHOWN_POINTS = 20  # below the best epoch
_ONE = ("other thresholds", "the bundle's thresholds")
_DASHES = ("-", "--", "-.", ":")


def learning_curves(rungs: Sequence[Rung], *, name: str, what: str) -> Markup:
    """Accuracy or loss of each rung by epoch; a mark at the epoch that was kept."""
    with drawing():
        figure, axes = _axes(3.0)
        for place, rung in enumerate(rungs):
            epochs = rung.metrics.history
            heights = [100 * e.accuracy if what == "accuracy" else e.loss for e in epochs]
            colour, places = _colour(place), [epoch.epoch + 1 for epoch in epochs]
            axes.plot(places, heights, _dash(place), color=colour, label=_rung_title(rung))
            best = [at for at, e in enumerate(epochs) if e.epoch == rung.metrics.best_epoch]
            for at in best:
                axes.plot(places[at], heights[at], _marker(place), color=colour, markersize=7)
        labels = {"accuracy": "accuracy on validation clips, %", "loss": "training loss, nats"}
        axes.set(xlabel="epoch", ylabel=labels[what])
        if what == "accuracy":  # the first epochs would hide how the rungs differ
            axes.set_ylim(bottom=_far_below_the_best(rungs))
        _legend(figure, axes)
        return inline_svg(figure, name=name, title=f"{labels[what]} by epoch, a line for each rung")


def _far_below_the_best(rungs: Sequence[Rung]) -> float:
    """The least percent to show."""
    every = [100 * epoch.accuracy for rung in rungs for epoch in rung.metrics.history]
    return max(min(every, default=0), max(every, default=0) - _SHOWN_POINTS)


def by_protocol(tested: Sequence[tuple[str, Tested]], *, name: str) -> Markup:
    """Accuracy of each network under each protocol, with its interval."""
    with drawing():
        figure, axes = _axes(1.5 + 0.34 * len(PROTOCOLS) * max(1, len(tested) / 2))
        spread = 0.7 / max(1, len(tested))
        for place, (title, one) in enumerate(tested):
            colour = _colour(place)
            for row, protocol in enumerate(PROTOCOLS):
                values = one.protocols[protocol]
                height = row + spread * (place - (len(tested) - 1) / 2)
                axes.hlines(height, 100 * values["low"], 100 * values["high"], color=colour)
                axes.plot(
                    100 * values["accuracy"],
                    height,
                    _marker(place),
                    color=colour,
                    label=title if not row else None,
                )
        axes.set_yticks(range(len(PROTOCOLS)), PROTOCOLS)
        axes.set_ylim(len(PROTOCOLS) - 0.5, -0.5)
        axes.set_xlabel("accuracy, %, with 95 % interval")
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        _legend(figure, axes)
        return inline_svg(figure, name=name, title="accuracy under four protocols, with intervals")


def by_distance(tested: Sequence[tuple[str, Tested]], *, name: str) -> Markup:
    """Accuracy by how far the crop lies from the word."""
    with drawing():
        figure, axes = _axes(3.0)
        for place, (title, one) in enumerate(tested):
            rows = one.protocols["random"]["by_distance_ms"]
            middles = [(row["from_ms"] + row["to_ms"]) / 2 for row in rows]
            heights = [100 * row["accuracy"] for row in rows]
            style = f"{_marker(place)}{_dash(place)}"
            axes.plot(middles, heights, style, color=_colour(place), markersize=5, label=title)
        axes.set(xlabel="from the crop to the loudest part, ms", ylabel="accuracy, %")
        axes.set_xlim(left=0)
        _legend(figure, axes)
        title = "accuracy by the distance of the crop from the loudest part of the word"
        return inline_svg(figure, name=name, title=title)


def trade_offs(streams: Sequence[tuple[str, StreamFacts]], *, name: str) -> Markup:
    """Misses against false accepts an hour; a mark at the thresholds that a bundle has."""
    with drawing():
        figure, axes = _axes(3.4)
        for place, (title, stream) in enumerate(streams):
            colour = _colour(place)
            hours = stream.report["tuned"]["hours"]
            spoken = max(1, stream.report["tuned"]["keywords_spoken"])
            points = [
                (point.false_accepts / hours, 100 * point.misses / spoken, point.shift)
                for point in stream.curve
            ]
            useful = _useful([(accepts, misses) for accepts, misses, _ in points])
            line, mark = (title, f"{title}: its thresholds") if len(streams) > 1 else _ONE
            axes.plot(*zip(*useful, strict=True), _dash(place), color=colour, label=line)
            chosen = [(accepts, misses) for accepts, misses, shift in points if not shift]
            axes.plot(*zip(*chosen, strict=True), _marker(place), color=colour, markersize=9,
                      markeredgecolor=PAGE, label=mark)  # fmt: skip
        for wanted in sorted({_wanted(stream) for _, stream in streams} - {0.0}):
            axes.axvline(wanted, color=FAINT, linestyle=":", linewidth=1.2)
            axes.annotate(
                " wanted",
                (wanted, 1),
                xycoords=("data", "axes fraction"),
                va="top",
                fontsize=8,
                color=INK,
            )
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set(xlabel="false accepts an hour", ylabel="keywords missed, %")
        _legend(figure, axes)
        return inline_svg(figure, name=name, title="keywords missed against false accepts an hour")


def _wanted(stream: StreamFacts) -> float:
    """False accepts an hour that tune was asked for; 0 before it."""
    return stream.report["tuned"]["false_accepts_per_hour"]["wanted"]


def _useful(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points that no other beats in both; fewest false accepts first."""
    kept: list[tuple[float, float]] = []
    for accepts, misses in sorted(set(points)):
        if not kept or misses < kept[-1][1]:
            kept.append((accepts, misses))
    return kept


def bars(rows: Sequence[tuple[str, float, str]], *, name: str, title: str, series: int) -> Markup:
    """A bar for each row: its name, its length, and what stands behind it."""
    with drawing():
        figure, axes = _axes(0.7 + 0.24 * len(rows))
        places = range(len(rows))
        drawn = axes.barh(places, [length for _, length, _ in rows], 0.7, color=SERIES[series])
        axes.bar_label(drawn, [text for *_, text in rows], padding=3, fontsize=8, color=INK)
        axes.set_yticks(places, [label for label, *_ in rows], fontsize=8)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.margins(x=0.28)
        axes.set_xlim(left=0)
        axes.set_xticks([])
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        return inline_svg(figure, name=name, title=title)


def _axes(height: float) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _legend(figure: "Figure", axes: "Axes") -> None:
    handles, names = axes.get_legend_handles_labels()
    if len(names) > 1:
        widest = _LEGEND_MARK + _LEGEND_LETTER * max(map(len, names))
        columns = max(1, min(len(names), int(72 * _WIDTH / widest)))
        figure.legend(handles, names, loc="outside upper left", ncols=columns, fontsize=9)


def _rung_title(rung: Rung) -> str:
    again = f", network {rung.metrics.network}" if rung.metrics.network else ""
    return f"rung {rung.metrics.number}: {rung.metrics.length_ms} ms{again}"


def _colour(place: int) -> str:
    return SERIES[place % len(SERIES)]


def _marker(place: int) -> str:
    return _MARKERS[place % len(_MARKERS)]


def _dash(place: int) -> str:
    return _DASHES[place % len(_DASHES)]
