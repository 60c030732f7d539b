"""What the template draws: the facts of a page with their figures and verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pld_tf.report import figures
from pld_tf.report.checks import Check, checks
from pld_tf.report.facts import Cell, Firmware, Page, Paper, Subject
from pld_tf.report.paper_figure import paper_figure
from pld_tf.report.summary import Tile, tiles
from pld_tf.report.text import percent, plural

Row = tuple[str, float, str]  # of a bar: its name, its length, the text behind it


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture and the rows that it was drawn from."""

    svg: Markup
    rows: list[Any]


@dataclass(frozen=True, kw_only=True)
class SubjectView:
    """A subject as the template takes it; `number` makes its ids different from the others'."""

    subject: Subject
    number: int
    tiles: list[Tile]
    checks: list[Check]
    accuracy_curves: Markup | None
    loss_curves: Markup | None
    instructions: Figure | None
    divergence: Figure | None
    matrix: list[list[Cell | None]]
    shares: list[list[float]]
    first_cell: Cell | None


@dataclass(frozen=True, kw_only=True)
class PageView:
    """A page as the template takes it."""

    page: Page
    title: str
    subjects: list[SubjectView]
    by_protocol: Markup | None
    by_distance: Markup | None
    trade_offs: Markup | None
    papers: list[tuple[Paper, Markup]]


def view(page: Page) -> PageView:
    """All figures drawn."""
    tested = [
        (_series_title(subject, one.name, page), one)
        for subject in page.subjects
        for one in subject.tested
    ]
    streams = [
        (subject.name, subject.firmware.stream)
        for subject in page.subjects
        if subject.firmware is not None and subject.firmware.stream is not None
    ]
    return PageView(
        page=page,
        title=_title(page),
        subjects=[_subject(subject, number) for number, subject in enumerate(page.subjects)],
        by_protocol=figures.by_protocol(tested, name="protocols") if tested else None,
        by_distance=figures.by_distance(tested, name="distance") if tested else None,
        trade_offs=figures.trade_offs(streams, name="stream") if streams else None,
        papers=[
            (paper, paper_figure(paper.report, name=f"paper{number}"))
            for number, paper in enumerate(page.papers)
        ],
    )


def _title(page: Page) -> str:
    if len(page.subjects) == 1:
        return page.subjects[0].name
    if not page.subjects:
        return "The paper's tables"
    return plural(len(page.subjects), "keyword spotter")


def _series_title(subject: Subject, network: str, page: Page) -> str:
    return network if len(page.subjects) == 1 else f"{subject.name}, {network}"


def _subject(subject: Subject, number: int) -> SubjectView:
    rungs, firmware = subject.rungs, subject.firmware
    curves = {
        what: figures.learning_curves(rungs, name=f"{what}{number}", what=what)
        for what in ("accuracy", "loss")
        if rungs
    }
    counts = subject.confusion.counts
    return SubjectView(
        subject=subject,
        number=number,
        tiles=tiles(subject),
        checks=list(checks(subject)),
        accuracy_curves=curves.get("accuracy"),
        loss_curves=curves.get("loss"),
        instructions=firmware and _instructions(firmware, number),
        divergence=firmware and _divergence(firmware, number),
        matrix=_matrix(subject),
        shares=[[count / max(1, sum(row)) for count in row] for row in counts],
        first_cell=_most_confused(subject.confusion.cells),
    )


def _matrix(subject: Subject) -> list[list[Cell | None]]:
    """The cells that have clips, at their places."""
    size = range(len(subject.classes))
    cells = {(cell.label, cell.prediction): cell for cell in subject.confusion.cells}
    return [[cells.get((label, prediction)) for prediction in size] for label in size]


def _most_confused(cells: Sequence[Cell]) -> Cell | None:
    wrong = [cell for cell in cells if cell.label != cell.prediction]
    return max(wrong or cells, key=lambda cell: cell.count, default=None)


def _instructions(firmware: Firmware, number: int) -> Figure | None:
    """Counted on the core; as the export expects them where they were not counted."""
    layers = firmware.manifest.c_model.layers if firmware.manifest.c_model else []
    counted = (firmware.core or {}).get("layers")
    if counted:
        same = [each["operator"] for each in counted] == [each.operator for each in layers]
        names = [each.name if same else "" for each in (layers if same else counted)]
        rows = [
            (f"{place} {name or each['operator']}", each["instructions"], percent(each["share"]))
            for place, (name, each) in enumerate(zip(names, counted, strict=True))
        ]
    else:
        rows = [
            (f"{place} {each.name}", each.instructions, "expected")
            for place, each in enumerate(layers)
            if each.instructions is not None
        ]
    return _bars(rows, name=f"instructions{number}", title="instructions of each layer", series=0)


def _divergence(firmware: Firmware, number: int) -> Figure | None:
    if firmware.layer_costs is None:
        return None
    rows = [
        (each.layer, each.divergence, f"{100 * each.accuracy_lost + 0.0:.1f}")  # + 0.0: no -0.0
        for each in firmware.layer_costs.layers
    ]
    title = "how far rounding each layer alone moves the answers"
    return _bars(rows, name=f"divergence{number}", title=title, series=1)


def _bars(rows: Sequence[Row], *, name: str, title: str, series: int) -> Figure | None:
    if not rows:
        return None
    return Figure(svg=figures.bars(rows, name=name, title=title, series=series), rows=list(rows))
