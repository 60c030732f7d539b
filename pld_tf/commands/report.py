"""The command report: parse, call one function, print."""

from pathlib import Path
from typing import Annotated

import typer

from pld_tf.commands.options import SkipBad, are_reportable, command_line, is_corpus, note
from pld_tf.system.stderr import load_tensorflow


def report(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|BUNDLE",
            help="Run folders and firmware bundles. A bundle joins the run it was made from.",
            callback=are_reportable,
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            "-d",
            help="Corpus whose test clips are used; not needed for runs of reproduce.",
            callback=is_corpus,
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The page to write.")] = Path(
        "report.html"
    ),
    hours: Annotated[
        float,
        typer.Option(min=0.01, max=1, help="Length of the stream that counts false accepts."),
    ] = 1.0,
    skip_bad: SkipBad = False,
) -> None:
    """Write one HTML page about runs and firmware bundles.

    It shows whether a model is good enough, how its ladder learned, where it is right and wrong
    with the clips to listen to, false accepts and misses in a stream, int8 beside float, the cost
    of each layer, and what all of it was made from. Several runs or bundles stand side by side. The
    page is one file, needs no network and has at most 5 MB. It holds test clips: mind who may hear
    them. The C of a bundle is compiled and run: use only bundles that you trust.

    \b
    Examples:
      pld-tf report demo/run demo/bundle --data demo/speech --out demo/report.html
      pld-tf report bundles/a bundles/b --data speech --out compared.html
      pld-tf report runs/paper --out paper.html
    """
    from pld_tf.system.files import refuse_foreign
    from pld_tf.system.progress import progress_bar

    refuse_foreign([out], option="--out")
    load_tensorflow()
    from pld_tf.bridge.report_page import Wanted, write_report

    with progress_bar("listening", unit="s") as advance:
        write_report(
            paths,
            Wanted(data=data, hours=hours, skip_bad=skip_bad),
            out=out,
            command=command_line(),
            say=note,
            advance=advance,
        )
    typer.echo(f"report: {out}")
