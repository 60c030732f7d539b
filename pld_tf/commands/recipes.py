"""The commands `pld-tf recipes ...`: parse, call one function, print."""

import json
from typing import Annotated

import typer

from pld_tf.commands.options import Json
from pld_tf.errors import PldError

recipes_app = typer.Typer(invoke_without_command=True)


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
    from pld_tf.recipe.load import load_recipe, recipe_names
    from pld_tf.system.tables import text_table

    typer.echo(text_table((name, load_recipe(name).description) for name in recipe_names()))


@recipes_app.command("show")
def recipes_show(
    name: Annotated[str, typer.Argument(help="Recipe name.")],
) -> None:
    """Print a recipe, for you to copy and change.

    \b
    Example:
      pld-tf recipes show own_words > mine.toml
    """
    from pld_tf.recipe.load import recipe_text

    typer.echo(recipe_text(name), nl=False)


@recipes_app.command("keys")
def recipes_keys(
    table: Annotated[str | None, typer.Argument(help="Show one table of keys.")] = None,
    as_json: Json = False,
) -> None:
    """Explain each key of a recipe: default, effect, meaning.

    \b
    Examples:
      pld-tf recipes keys
      pld-tf recipes keys crops
    """
    from pld_tf.recipe.explain import nearest
    from pld_tf.recipe.reference import keys_json, keys_text, table_keys

    tables = table_keys()
    if table is not None:
        if table not in tables:
            raise PldError(f"no table named '{table}' in a recipe;{nearest(table, tables)}")
        tables = {table: tables[table]}
    typer.echo(json.dumps(keys_json(tables), indent=1) if as_json else keys_text(tables))
