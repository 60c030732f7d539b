"""The commands evaluate and compare: parse, call one function, print."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pld_tf.commands.options import Data, Html, Json, SkipBad, are_runs, command_line, is_run, note
from pld_tf.system.stderr import load_tensorflow

if TYPE_CHECKING:
    from pld_tf.evaluation.evaluate import Show

Split = Annotated[Literal["test", "validation"], typer.Option(help="Clips to use.")]


def evaluate(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Run folder of pld-tf distill.", callback=is_run),
    ],
    data: Data,
    rung: Annotated[
        int | None, typer.Option(help="Rung to evaluate, 0 first; the last one if not given.")
    ] = None,
    split: Split = "test",
    html: Html = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Measure a run's accuracy under four crop protocols.

    Gives intervals, the accuracy of each class, and that by the position of the word. --html also
    writes a page of it, with the clips behind each confusion; pld-tf report shows more.

    Takes any corpus. Clips and speakers that the run knows from training do not count.

    \b
    Examples:
      pld-tf evaluate runs/demo --data demo/speech
      pld-tf evaluate runs/demo --data own_recordings --html own.html
      pld-tf evaluate runs/demo --data demo/speech --rung 0 --split validation --json
    """
    load_tensorflow()
    from pld_tf.evaluation.evaluate import evaluate as run_evaluate
    from pld_tf.evaluation.text import evaluation_text

    report = run_evaluate(
        run,
        data=data,
        rung=rung,
        split=split,
        skip_bad=skip_bad,
        say=note,
        show=None if html is None else _page_writer(html, data),
    )
    typer.echo(json.dumps(report, indent=1) if as_json else evaluation_text(report))


def _page_writer(html: Path, data: Path) -> "Show":
    from pld_tf.bridge.report_page import write_evaluation

    return lambda opened, scored: write_evaluation(
        opened, scored, data=data, out=html, command=command_line()
    )


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Run folders, one of each seed.", callback=are_runs),
    ],
    against: Annotated[
        list[Path],
        typer.Option(
            "--against",
            metavar="RUN",
            help="Run to compare with; one for each RUN, in the same order.",
            callback=are_runs,
        ),
    ],
    data: Data,
    split: Split = "test",
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Tell by how much one way of training is more accurate.

    The difference to another way has an interval. The last students are paired in the order given.
    Both runs of a pair need the same seed, and are tested on the same crops. Intervals are over
    clips and seeds together.

    \b
    Examples:
      pld-tf compare runs/a0 runs/a1 --against runs/b0 --against runs/b1 --data speech
      pld-tf compare runs/new --against runs/old --data speech --split validation --json
    """
    load_tensorflow()
    from pld_tf.evaluation.compare import compare_runs, comparison_text

    report = compare_runs(runs, against, data=data, split=split, skip_bad=skip_bad, say=note)
    typer.echo(json.dumps(report, indent=1) if as_json else comparison_text(report))
