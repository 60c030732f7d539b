"""What is wrong with a recipe, in words for someone who writes TOML."""

import difflib
from collections.abc import Iterable, Mapping

from pydantic_core import ErrorDetails

# What pydantic's types of problem mean to someone who writes TOML; braces take its numbers.
_EXPECTED = {
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "list_type": "must be a list",
    "model_type": "must be a table",
    "dataclass_type": "must be a table",
    "literal_error": "must be {expected}",
    "too_short": "must not be empty",
    "multiple_of": "must be a multiple of {multiple_of}",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
}


def explain(
    problem: ErrorDetails, *, keys: Iterable[str], tables: Mapping[str, Iterable[str]]
) -> str:
    """One sentence on one problem.

    Args:
      problem: as pydantic gives it.
      keys: of a recipe.
      tables: keys of those keys that hold tables.
    """
    path = ".".join(str(part) for part in problem["loc"])
    kind = problem["type"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"unknown key '{path}';{_nearest_key(problem['loc'], keys, tables)}"
    if kind == "missing":
        return f"{path} is missing."
    if kind == "value_error":
        text = problem["msg"].removeprefix("Value error, ").rstrip(".")
        return f"{path}: {text}." if path else f"{text}."
    # Another version of pydantic may know more types of problem.
    expected = _EXPECTED.get(kind, "is refused: {text}")
    expected = expected.format_map({"text": problem["msg"], **problem.get("ctx", {})})
    return f"{path} {expected}, got {problem['input']!r}."


def _nearest_key(
    location: tuple[int | str, ...], keys: Iterable[str], tables: Mapping[str, Iterable[str]]
) -> str:
    *parents, key = map(str, location)
    known = tables.get(parents[0]) if parents else None
    if known is None and not difflib.get_close_matches(key, list(keys)):
        return " pld-tf recipes show own_words explains the keys there are."
    return nearest(key, known or keys)


def nearest(name: str, known: Iterable[str]) -> str:
    """' closest is ...' for a misspelt name, or the list of what there is.

    >>> nearest("yse", ["yes", "no"])
    " closest is 'yes'."
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    if close:
        return f" closest is '{close[0]}'."
    return f" there are {', '.join(sorted(known))}."
