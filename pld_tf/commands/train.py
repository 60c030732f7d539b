"""The command distill: parse, call one function, print."""

from pathlib import Path
from typing import Annotated

import typer

from pld_tf.bridge.for_export import preflight_recipe
from pld_tf.commands.options import Data, SkipBad
from pld_tf.system.stderr import load_tensorflow


def distill(
    recipe: Annotated[
        str, typer.Argument(help="Recipe name or TOML file; `pld-tf recipes` lists them.")
    ],
    data: Data,
    run_dir: Annotated[
        Path, typer.Option("--run-dir", "-o", help="Folder of this run. Resumed if it exists.")
    ],
    seed: Annotated[
        int, typer.Option(min=0, max=10**9, help="Seeds crops, noise and weights.")
    ] = 0,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="KEY=VALUE", help="Change a recipe key; repeatable."),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(help="Clips to leave out: a CSV of pld-tf doctor, or a path a line."),
    ] = None,
    skip_bad: SkipBad = False,
) -> None:
    """Train a recipe's ladder, teacher first, and write a model bundle at its end.

    The same command resumes a stopped run and ends with the same weights: it skips finished rungs
    and continues a stopped rung from its last epoch. If the recipe has a [device], the command
    first checks that the last student fits.

    \b
    Examples:
      pld-tf distill demo --data demo/speech --run-dir runs/demo
      pld-tf distill speech_commands_v2_12 -d speech -o runs/v2 --set training.batch_size=256
      pld-tf distill own_words -d words -o runs/own --exclude doubtful.csv
    """
    from pld_tf.recipe.load import load_recipe  # here, because these imports are slow

    checked = load_recipe(recipe, overrides)
    from pld_tf.data.corpus.corpus import find_corpus
    from pld_tf.data.corpus.excluded import read_excluded
    from pld_tf.data.corpus.recipe_words import require_folders

    # What names of files show to be wrong is told at once.
    require_folders(checked.words, data)
    excluded = read_excluded(exclude, data) if exclude else frozenset[str]()
    find_corpus(data, excluded=excluded)
    load_tensorflow()
    from export.device_fit.preflight import require_fit
    from pld_tf.run.folder import is_preflight_due
    from pld_tf.run.train import distill as run_distill

    name = Path(recipe).stem
    if is_preflight_due(checked, run_dir):
        typer.echo(require_fit(preflight_recipe(checked, name)))
    run_distill(
        recipe=checked,
        recipe_name=name,
        data=data,
        run_dir=run_dir,
        seed=seed,
        excluded=excluded,
        skip_bad=skip_bad,
        say=typer.echo,
    )
    typer.echo(f"model bundle: {run_dir / 'bundle'}")
