"""Explain what is wrong with a recipe, to someone who writes TOML."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from pydantic_core import ErrorDetails

# pydantic's types of problem in words for someone who writes TOML; braces take its numbers.
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


# Keys by table; keys outside any table by "".
Keys = Mapping[str, Sequence[str]]
_SHOWN = 3


def explain_all(problems: Sequence[ErrorDetails], keys: Keys) -> str:
    """A few sentences on what is wrong. Misplaced keys come first, as they cause other problems.

    Args:
      problems: as pydantic gives them.
      keys: the keys that a recipe may have.
    """
    ordered = sorted(problems, key=lambda problem: not _is_unknown(problem))
    sentences = [_explain(problem, keys) for problem in ordered[:_SHOWN]]
    flat = [problem for problem in problems if _is_unknown(problem) and len(problem["loc"]) == 1]
    if len(flat) >= _SHOWN:
        sentences.append(
            "Since version 0.2 keys stand in tables; pld-tf recipes keys lists them all."
        )
    return " ".join(sentences)


def _explain(problem: ErrorDetails, keys: Keys) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    kind = problem["type"]
    if _is_unknown(problem):
        return f"unknown key '{path}';{_right_key(problem['loc'], keys)}"
    if kind == "missing":
        return f"{path} is missing."
    if kind == "value_error":
        text = problem["msg"].removeprefix("Value error, ").rstrip(".")
        return f"{path}: {text}." if path else f"{text}."
    # Another version of pydantic may know more types of problem.
    expected = _EXPECTED.get(kind, "is refused: {text}")
    expected = expected.format_map({"text": problem["msg"], **problem.get("ctx", {})})
    return f"{path} {expected}, got {problem['input']!r}."


def _is_unknown(problem: ErrorDetails) -> bool:
    return problem["type"] in ("extra_forbidden", "unexpected_keyword_argument")


def _right_key(location: tuple[int | str, ...], keys: Keys) -> str:
    """' it is augment.gain_db.' for a key of another table, else the closest key."""
    *parents, key = map(str, location)
    here = parents[0] if parents else ""
    paths: dict[str, list[str]] = {}  # by key; the path in its own table first
    for table in (here, *(name for name in keys if name != here)):
        for name in keys[table]:
            paths.setdefault(name, []).append(f"{table}.{name}".lstrip("."))
    if key in paths:
        return f" it is {' or '.join(paths[key])}."
    if here and not difflib.get_close_matches(key, keys[here]):
        return nearest(key, keys[here])
    close = difflib.get_close_matches(key, list(paths), n=1)
    if not close:
        return " pld-tf recipes keys lists the keys there are."
    return f" closest is '{paths[close[0]][0]}'."


def nearest(name: str, known: Iterable[str]) -> str:
    """' closest is ...' for a misspelt name, or the list of known names.

    >>> nearest("yse", ["yes", "no"])
    " closest is 'yes'."
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    if close:
        return f" closest is '{close[0]}'."
    return f" there are {', '.join(sorted(known))}."
