"""The commands evaluate and compare: parse, call one function, print."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pld_tf.commands.options import (
    Data,
    Html,
    Json,
    SkipBad,
    are_runs,
    command_line,
    is_corpus,
    is_firmware_bundle,
    is_run,
    note,
)
from pld_tf.errors import PldError
from pld_tf.system.stderr import load_tensorflow

if TYPE_CHECKING:
    from pld_tf.evaluation.evaluate import Show

Split = Annotated[Literal["test", "validation"], typer.Option(help="Clips to use.")]


def evaluate(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|BUNDLE",
            help="Run folder of pld-tf distill; with --streams a firmware bundle.",
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            "-d",
            help="Folder of <word>/<recording>; see docs/data.md.",
            callback=is_corpus,
        ),
    ] = None,
    rung: Annotated[
        int | None, typer.Option(help="Rung to evaluate, 0 first; the last one if not given.")
    ] = None,
    split: Split = "test",
    streams: Annotated[
        Path | None,
        typer.Option(
            help="Folder of recordings without keywords, hours of them: measure a BUNDLE on it.",
        ),
    ] = None,
    words: Annotated[
        int, typer.Option(min=0, help="With --streams: clips of each keyword; 0 for all.")
    ] = 40,
    html: Html = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Measure a run's accuracy, or a bundle in hours of sound.

    For a run: accuracy under four crop protocols.

    Gives intervals, the accuracy of each class, and that by the position of the word. --html also
    writes a page of it, with the clips behind each confusion; pld-tf report shows more.

    Takes any corpus. Clips and speakers that the run knows from training do not count.

    For a bundle, with --streams: false accepts an hour in the recordings of that folder, by its
    folders and by word. With --data also misses among the words of test speakers: in noise, in
    rooms, quiet and loud, in a row, over speech; the time from the end of a word to its detection;
    and the curve of misses against false accepts. The bundle's own C and thresholds decide.

    \b
    Examples:
      pld-tf evaluate runs/demo --data demo/speech
      pld-tf evaluate bundles/demo --streams hours_of_radio --data demo/speech
      pld-tf evaluate runs/demo --data own_recordings --html own.html
      pld-tf evaluate runs/demo --data demo/speech --rung 0 --split validation --json
    """
    if streams is not None:
        if html is not None:
            raise PldError("--html shows a run's clips; leave it out beside --streams.")
        is_firmware_bundle(run)
        _evaluate_streams(run, streams, data, words, skip_bad=skip_bad, as_json=as_json)
        return
    is_run(run)
    if data is None:
        raise PldError("evaluate needs --data, the recordings to test the run on.")
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


def _evaluate_streams(
    bundle: Path,
    streams: Path,
    data: Path | None,
    words: int,
    *,
    skip_bad: bool,
    as_json: bool,
) -> None:
    if not streams.is_dir():
        raise PldError(f"--streams {streams}: expected a folder of recordings.")
    load_tensorflow()
    from pld_tf.bridge.evaluate_streams import evaluate_streams
    from pld_tf.streams.listening_text import listening_text

    report = evaluate_streams(
        bundle, streams=streams, data=data, words=words, skip_bad=skip_bad, say=note
    )
    typer.echo(json.dumps(report, indent=1) if as_json else listening_text(report))


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
