"""The command doctor: parse, call one function, print."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pld_tf.commands.options import Json, note
from pld_tf.system.stderr import load_tensorflow


def doctor(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Folder of <word>/<recording>; stays as it is.")
    ],
    with_run: Annotated[
        Path | None,
        typer.Option("--with", metavar="RUN", help="Run whose first rung checks each label."),
    ] = None,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="Probability at which it disputes a label.")
    ] = 0.9,
    short_ms: Annotated[
        int, typer.Option(min=1, max=1000, help="Clips below this length are short.")
    ] = 500,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write path, word, split, reason as CSV.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find clips that are unreadable, silent, clipped, cut off, doubled or perhaps mislabelled.

    Delete from the CSV the clips that you want to keep. Then pass it to pld-tf distill --exclude.
    A CSV that you have edited is never overwritten: give another --out.

    \b
    Examples:
      pld-tf doctor speech --out doubtful.csv
      pld-tf doctor speech --with runs/v2 --confidence 0.95 --out doubtful.csv
    """
    load_tensorflow()
    from pld_tf.bridge.run_judge import run_judge
    from pld_tf.doctor.doctor import doctor as run_doctor
    from pld_tf.doctor.findings import report_json, report_text, write_findings
    from pld_tf.system.files import refuse_foreign

    if out is not None:  # before a long check
        refuse_foreign([out], option="--out")
    judge = partial(run_judge, with_run, confidence=confidence) if with_run else None
    report = run_doctor(data, make_judge=judge, short_ms=short_ms)
    if out is not None:
        write_findings(out, report)
        note(f"findings: {out}")
    typer.echo(json.dumps(report_json(report), indent=1) if as_json else report_text(report))
