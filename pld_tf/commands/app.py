"""The commands of `pld-tf`, taken together. Only the entry point imports this file."""

from typing import Annotated

import typer

from export.cli import Brought, export
from firmware_harness.cli import flash
from pld_tf import __version__
from pld_tf.bridge.for_export import bring_harness, generate_c, preflight
from pld_tf.commands.bench import bench
from pld_tf.commands.data import data_app
from pld_tf.commands.doctor import doctor
from pld_tf.commands.evaluate import compare, evaluate
from pld_tf.commands.recipes import recipes_app
from pld_tf.commands.report import report
from pld_tf.commands.reproduce import reproduce_app
from pld_tf.commands.stream import listen, tune
from pld_tf.commands.train import distill

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help takes half the time
    help="Keyword spotters that hear 500 ms: distil down a ladder of input lengths, export int8, "
    "measure.",
)
app.add_typer(data_app, name="data")
app.add_typer(recipes_app, name="recipes")
app.add_typer(reproduce_app, name="reproduce")
# In the order in which they are used.
_COMMANDS = (doctor, distill, evaluate, compare, export, bench, tune, report, listen, flash)
for _command in _COMMANDS:
    app.command()(_command)


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
