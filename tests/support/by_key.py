"""Values of a recipe by the names of their keys, so that a test names only what it is about."""

from typing import Any

from pld_tf.recipe.load import KEYS


def tables(**changes: Any) -> dict[str, Any]:
    """The tables of a recipe that hold these keys.

    A table, a list of models or the description may be given whole. A key that stands in two tables
    is the one of the first.

    >>> tables(epochs=3, per_clip=2, device={"ram_kb": 1})
    {'training': {'epochs': 3}, 'crops': {'per_clip': 2}, 'device': {'ram_kb': 1}}
    """
    found: dict[str, Any] = {}
    for key, value in changes.items():
        if key in KEYS[""]:
            found[key] = value
        else:
            table = next(name for name, keys in KEYS.items() if name and key in keys)
            found.setdefault(table, {})[key] = value
    return found


def merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`values` with those of `changes` laid over them, table by table."""
    laid = {
        name: value | changes.get(name, {}) if isinstance(value, dict) else value
        for name, value in values.items()
    }
    given = {
        name: value for name, value in changes.items() if not isinstance(values.get(name), dict)
    }
    return laid | given
