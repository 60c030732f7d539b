"""The command `pld-tf`: parses, calls one function, prints. Nothing imports this file."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from export.cli import Brought, export
from export.errors import ExportError
from firmware_harness.cli import flash
from firmware_harness.errors import HarnessError
from pld_tf import __version__
from pld_tf.bridge.for_export import bring_harness, generate_c, preflight, preflight_recipe
from pld_tf.commands.data import data_app
from pld_tf.commands.evaluate import compare, evaluate
from pld_tf.commands.options import Data, Json, SkipBad, note
from pld_tf.commands.stream import listen, tune
from pld_tf.errors import PldError
from pld_tf.system.stderr import load_tensorflow

STOPPED = 130  # exit code that typer makes of Ctrl-C

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts in half the time
    help="Keyword spotters that hear 500 ms: distil down a ladder of input lengths, export int8, "
    "measure.",
)
recipes_app = typer.Typer(invoke_without_command=True)
reproduce_app = typer.Typer(no_args_is_help=True, help="Reproduce published tables.")
app.add_typer(data_app, name="data")
app.add_typer(recipes_app, name="recipes")
app.add_typer(reproduce_app, name="reproduce")
app.command("export")(export)
app.command("flash")(flash)
app.command("evaluate")(evaluate)
app.command("compare")(compare)
app.command("tune")(tune)
app.command("listen")(listen)


@app.command()
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
    """Climb a recipe's ladder, teacher first, and write a model bundle at its end.

    Finished rungs are skipped and a stopped one goes on from its last epoch, so the same command
    resumes a stopped run and ends with the same weights. A recipe with a [device] is checked
    first: does its last student fit?

    \b
    Examples:
      pld-tf distill demo --data demo/speech --run-dir runs/demo
      pld-tf distill speech_commands_v2_12 -d speech -o runs/v2 --seed 1 --set batch=256
      pld-tf distill own_words -d words -o runs/own --exclude doubtful.csv
    """
    from pld_tf.recipe.schema import load_recipe  # here, because these imports take time

    checked = load_recipe(recipe, overrides)
    load_tensorflow()
    from export.device_fit.preflight import require_fit
    from pld_tf.data.corpus.excluded import read_excluded
    from pld_tf.run.folder import distill as run_distill
    from pld_tf.run.folder import is_preflight_due

    name = Path(recipe).stem
    if is_preflight_due(checked, run_dir):
        typer.echo(require_fit(preflight_recipe(checked, name)))
    run_distill(
        recipe=checked,
        recipe_name=name,
        data=data,
        run_dir=run_dir,
        seed=seed,
        excluded=read_excluded(exclude, data) if exclude else frozenset(),
        skip_bad=skip_bad,
        say=typer.echo,
    )
    typer.echo(f"model bundle: {run_dir / 'bundle'}")


@app.command()
def bench(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Folder of pld-tf export, or a .tflite file.")
    ],
    data: Annotated[
        Path | None, typer.Option("--data", "-d", help="Corpus whose test clips give accuracy.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write this report as .json and .md.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=128, help="Threads of one inference.")] = 1,
    protocol: Annotated[
        Literal["centre", "random", "loudest", "sliding"],
        typer.Option(help="How test clips are cropped."),
    ] = "loudest",
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="NAME",
            help="tflite, tflm, host, cortex-m4, -m7, -m33, -m55, ethos-u55-128; repeatable.",
        ),
    ] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="Instructions of each layer on cortex-m targets.")
    ] = False,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Latency and accuracy of an exported model on the TFLite interpreter, beside its float twin.

    Other targets: tflm, TensorFlow Lite Micro: its arena, every output byte. host and cortex-m4,
    -m7, -m33, -m55: the bundle's C, on emulated boards with instructions, flash, RAM and stack; on
    the host with --data also its accuracy from samples on. Give only bundles that you trust.
    ethos-u55-128: an Arm Ethos-U's cycles and memory.

    \b
    Examples:
      pld-tf bench bundles/demo --data demo/speech --out bundles/demo-report
      pld-tf bench bundles/demo --target tflite --target tflm
      pld-tf bench bundles/demo --target cortex-m4 --layers
      pld-tf bench model.tflite --target ethos-u55-128 --json
    """
    from firmware_harness.bench.bench import HOST, TFLITE, bench_tflite, check_targets
    from firmware_harness.report.page import render_markdown, write_report
    from pld_tf.system.progress import progress_bar

    asked = targets or [TFLITE]
    check_targets(asked)
    examples = None
    if data is not None:
        load_tensorflow()
        from pld_tf.bridge.bench_examples import bundle_examples

        examples = bundle_examples(
            bundle,
            data=data,
            protocol=protocol,
            audio=HOST in asked,
            skip_bad=skip_bad,
            say=note,
        )
    with progress_bar("bench", unit="runs") as advance:
        report = bench_tflite(
            bundle,
            examples=examples,
            targets=asked,
            threads=threads,
            generate_c=generate_c,
            layers=layers,
            command=" ".join(["pld-tf", *sys.argv[1:]]),
            progress=lambda phase, done, total: advance(done, total),
        )
    if out is not None:
        note(f"report: {', '.join(str(path) for path in write_report(report, out))}")
    typer.echo(json.dumps(report, indent=1) if as_json else render_markdown(report))


@app.command()
def doctor(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Folder of <word>/<recording>; stays as it is.")
    ],
    with_run: Annotated[
        Path | None,
        typer.Option("--with", metavar="RUN", help="Run folder whose first rung hears each clip."),
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

    Edit the CSV down to the clips that are to go, and give it to pld-tf distill --exclude.

    \b
    Examples:
      pld-tf doctor speech --out doubtful.csv
      pld-tf doctor speech --with runs/v2 --confidence 0.95 --out doubtful.csv
    """
    load_tensorflow()
    from pld_tf.doctor.doctor import doctor as run_doctor
    from pld_tf.doctor.findings import report_json, report_text, write_findings

    report = run_doctor(data, with_run=with_run, confidence=confidence, short_ms=short_ms)
    if out is not None:
        write_findings(out, report)
        note(f"findings: {out}")
    typer.echo(json.dumps(report_json(report), indent=1) if as_json else report_text(report))


@recipes_app.callback()
def recipes(context: typer.Context) -> None:
    """List the shipped recipes, or show one.

    \b
    Examples:
      pld-tf recipes
      pld-tf recipes show smoke
    """
    if context.invoked_subcommand:
        return
    from pld_tf.recipe.schema import load_recipe, recipe_names

    for name in recipe_names():
        typer.echo(f"{name:24}{load_recipe(name).description}")


@recipes_app.command("show")
def recipes_show(
    name: Annotated[str, typer.Argument(help="Recipe name.")],
) -> None:
    """Print a recipe, to copy and change.

    \b
    Example:
      pld-tf recipes show own_words > mine.toml
    """
    from pld_tf.recipe.schema import recipe_text

    typer.echo(recipe_text(name), nl=False)


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
    """Both tables of Lin & Wong (arXiv:1901.09135): direct distillation and eleven ladders.

    Baselines that the paper lacks are trained beside them. What the paper leaves open is a key of
    the recipe `paper`. Writes paper.md, .csv, .json and .png into the run folder after each
    network; rungs that ladders share are trained once, and the same command goes on where it
    stopped.

    \b
    Examples:
      pld-tf reproduce paper --data speech --run-dir runs/paper --seeds 3
      pld-tf reproduce paper -d speech -o runs/crop --set teacher_hears=crop --protocol sliding
    """
    from pld_tf.recipe.schema import load_recipe

    recipe = load_recipe("paper", [f"labels={labels}", *(overrides or [])])
    load_tensorflow()
    from export.convert.converter import int8_bytes
    from pld_tf.reproduce.run import Asked
    from pld_tf.reproduce.run import reproduce_paper as run_reproduce
    from pld_tf.reproduce.tables import protocol_text

    command = " ".join(["pld-tf", *sys.argv[1:]])
    asked = Asked(recipe=recipe, seeds=seeds, protocol=protocol, command=command)
    report = run_reproduce(
        asked, data=data, run_dir=run_dir, skip_bad=skip_bad, int8_bytes=int8_bytes, say=note
    )
    typer.echo(json.dumps(report, indent=1) if as_json else protocol_text(report, protocol))


@app.callback(invoke_without_command=True)
def common(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Common options."""
    context.obj = Brought(harness=bring_harness, preflight=preflight, generate_c=generate_c)
    if version:
        typer.echo(f"pld-tf {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Entry point: what a user caused is one line and exit code 2."""
    try:
        app()
    except (PldError, ExportError, HarnessError) as error:
        typer.echo(f"pld-tf: {error}", err=True)
        sys.exit(2)
    except SystemExit as ended:
        if ended.code == STOPPED:
            resumes = sys.argv[1:2] in (["distill"], ["data"], ["reproduce"])
            rest = "; the same command goes on from here." if resumes else "."
            typer.echo(f"pld-tf: stopped{rest}", err=True)
        raise
