"""The command doctor: parse, call one function, print."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pld_tf.commands.options import Json, is_corpus, is_run, note
from pld_tf.system.stderr import load_tensorflow


def doctor(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="Folder of <word>/<recording>; stays as it is.", callback=is_corpus
        ),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe", "-r", help="Recipe name or file: say what distill would refuse with it."
        ),
    ] = None,
    with_run: Annotated[
        Path | None,
        typer.Option(
            "--with", metavar="RUN", help="Run whose first rung checks each label.", callback=is_run
        ),
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
    """Count words, speakers and splits, and find clips that look wrong.

    Wrong is unreadable, silent, clipped, cut off, doubled or perhaps mislabelled.
    Delete from the CSV the clips that you want to keep. Then pass it to pld-tf distill --exclude.
    A CSV that you have edited is never overwritten: give another --out.

    \b
    Examples:
      pld-tf doctor speech --recipe own_words --out doubtful.csv
      pld-tf doctor speech --with runs/v2 --confidence 0.95 --out doubtful.csv
    """
    from pld_tf.recipe.load import load_recipe

    checked = load_recipe(recipe) if recipe else None
    load_tensorflow()
    from pld_tf.bridge.run_judge import run_judge
    from pld_tf.doctor.doctor import doctor as run_doctor
    from pld_tf.doctor.findings import report_json, report_text, write_findings
    from pld_tf.system.files import refuse_foreign

    if out is not None:  # before a long check
        refuse_foreign([out], option="--out")
    judge = partial(run_judge, with_run, confidence=confidence) if with_run else None
    report = run_doctor(
        data, make_judge=judge, short_ms=short_ms, recipe=checked, recipe_name=recipe
    )
    if out is not None:
        write_findings(out, report)
        note(f"findings: {out}")
    typer.echo(json.dumps(report_json(report), indent=1) if as_json else report_text(report))
