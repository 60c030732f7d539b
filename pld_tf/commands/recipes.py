"""The commands `pld-tf recipes ...`: parse, call one function, print."""

from typing import Annotated

import typer

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
    """Print a recipe, to copy and change.

    \b
    Example:
      pld-tf recipes show own_words > mine.toml
    """
    from pld_tf.recipe.load import recipe_text

    typer.echo(recipe_text(name), nl=False)
