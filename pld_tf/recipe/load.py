"""Read a recipe: shipped or from a file, with changes from the command line."""

import json
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pld_tf.errors import PldError
from pld_tf.features.spec import FeatureSpec
from pld_tf.recipe.affects import Table
from pld_tf.recipe.explain import explain_all, nearest
from pld_tf.recipe.schema import Recipe
from pld_tf.recipe.tables import DeviceLimits, ModelChoice
from pld_tf.system.people_text import read_people_text

_MAX_BYTES = 2**20


def recipe_names() -> list[str]:
    """Names of the shipped recipes."""
    folder = resources.files("pld_tf.recipe.shipped")
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))


def recipe_text(name_or_path: str) -> str:
    """TOML text of a shipped recipe or of a file.

    Raises:
      PldError: neither a shipped recipe nor a readable file.
    """
    if name_or_path in recipe_names():
        return (resources.files("pld_tf.recipe.shipped") / f"{name_or_path}.toml").read_text(
            "utf-8"
        )
    path = Path(name_or_path)
    if not path.is_file():
        raise PldError(
            f"no recipe or file named '{name_or_path}';{nearest(name_or_path, recipe_names())}"
            f" pld-tf recipes lists all {len(recipe_names())}."
        )
    return read_people_text(path, "recipe", error=PldError, max_bytes=_MAX_BYTES)


def load_recipe(name_or_path: str, overrides: list[str] | None = None) -> Recipe:
    """Read and check a recipe.

    Args:
      name_or_path: a shipped recipe's name, or a TOML file.
      overrides: `key=value` texts. The value is TOML; a bare word is a string. Dots reach into
        tables and lists: `crops.shift_ms=50`, `models.0.width=1.5`.

    Raises:
      PldError: unknown key, value out of range or of the wrong type; names key and value.
    """
    try:
        values = tomllib.loads(recipe_text(name_or_path))
    except tomllib.TOMLDecodeError as error:
        raise PldError(f"recipe {name_or_path} is not valid TOML: {error}.") from error
    for override in overrides or []:
        _apply(values, override)
    return parse_recipe(values, name_or_path)


def parse_recipe(values: dict[str, Any], source: str) -> Recipe:
    """A checked recipe from plain values; `source` names it in errors."""
    try:
        # Through JSON: there a strict model still accepts a table for a FeatureSpec.
        return Recipe.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        raise PldError(f"recipe {source}: {explain_all(error.errors(), KEYS)}") from error


def changed(recipe: Recipe, tables: Mapping[str, Any]) -> Recipe:
    """The recipe with the given values replaced, checked again.

    Raises:
      PldError: the values contradict each other.
    """
    values = recipe.model_dump(mode="json")
    for name, value in tables.items():
        values[name] = values[name] | value if isinstance(values[name], dict) else value
    return parse_recipe(values, "with changed values")


def _table_keys() -> dict[str, tuple[str, ...]]:
    kinds = {
        name: field.annotation
        for name, field in Recipe.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Table)
    }
    return {
        "": tuple(Recipe.model_fields),
        **{name: tuple(kind.model_fields) for name, kind in kinds.items()},
        "models": tuple(ModelChoice.model_fields),
        "features": tuple(FeatureSpec.__dataclass_fields__),
        "device": tuple(DeviceLimits.model_fields),
    }


# Keys by table; keys outside any table by "".
KEYS = _table_keys()


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise PldError(f"--set takes key=value, got '{override}'.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    place: Any = values
    *parents, last = key.strip().split(".")
    for parent in parents:
        place = _enter(place, parent, key)
    _enter(place, last, key)
    place[int(last) if isinstance(place, list) else last] = value


def _enter(place: Any, name: str, key: str) -> Any:
    if isinstance(place, dict):
        return place.setdefault(name, {})
    if not isinstance(place, list):
        raise PldError(f"--set {key}: there is no '{name}' in {place!r}, which is a single value.")
    if not name.isdecimal() or int(name) >= len(place):
        raise PldError(f"--set {key}: '{name}' must be a number below {len(place)}.")
    return place[int(name)]
