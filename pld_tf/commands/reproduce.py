"""The commands `pld-tf reproduce ...`: parse, call one function, print."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from pld_tf.commands.options import Data, Json, SkipBad, note
from pld_tf.system.onednn import set_onednn
from pld_tf.system.stderr import load_tensorflow

reproduce_app = typer.Typer(no_args_is_help=True, help="Reproduce published tables.")


@reproduce_app.command("paper")
def reproduce_paper(
    data: Data,
    run_dir: Annotated[
        Path, typer.Option("--run-dir", "-o", help="Folder of all networks and of the tables.")
    ],
    seeds: Annotated[
        int, typer.Option(min=1, max=100, help="Train everything with seeds 0 to N - 1.")
    ] = 1,
    labels: Annotated[
        Literal["soft", "hard"], typer.Option(help="A teacher's logits, or its first choice.")
    ] = "soft",
    protocol: Annotated[
        Literal["centre", "random", "loudest", "sliding"],
        typer.Option(help="Test crops of the tables shown first; all four are in the files."),
    ] = "loudest",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="KEY=VALUE", help="Change a key of recipe paper."),
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Train what both tables of Lin & Wong (2019) show.

    arXiv:1901.09135: direct distillation and eleven ladders. Also trains baselines that the paper
    lacks. Each choice that the paper leaves open is a key of the recipe `paper`. Writes paper.md,
    .csv, .json and .png into the run folder after each network. Rungs that several ladders share
    are trained once. The same command continues a stopped run.

    \b
    Examples:
      pld-tf reproduce paper --data speech --run-dir runs/paper --seeds 3
      pld-tf reproduce paper -d speech -o runs/crop --set teaching.teacher_input=crop
    """
    from pld_tf.recipe.load import load_recipe
    from pld_tf.run.onednn import choose_onednn

    recipe = load_recipe("paper", [f"teaching.labels={labels}", *(overrides or [])])
    set_onednn(choose_onednn(recipe, run_dir))
    load_tensorflow()
    from export.convert.converter import int8_bytes
    from pld_tf.reproduce.run import Asked
    from pld_tf.reproduce.run import reproduce_paper as run_reproduce
    from pld_tf.reproduce.tables import protocol_text

    command = shlex.join(["pld-tf", *sys.argv[1:]])
    asked = Asked(recipe=recipe, seeds=seeds, protocol=protocol, command=command)
    report = run_reproduce(
        asked, data=data, run_dir=run_dir, skip_bad=skip_bad, int8_bytes=int8_bytes, say=note
    )
    typer.echo(json.dumps(report, indent=1) if as_json else protocol_text(report, protocol))
