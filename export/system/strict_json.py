"""Reads JSON from files that may be hostile."""

import json
import math
from collections import Counter
from typing import Any, cast

MAX_DEPTH = 64  # values are written again by code that recurses


def loads(text: str) -> Any:
    """A value that can be written and read again unchanged.

    Raises:
      ValueError: not JSON, a key given twice, NaN or an infinity, half a character, or more than
        `MAX_DEPTH` levels.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse, parse_float=_finite
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise ValueError(f"{twice[:80]!r} is given twice")
    return value


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text[:80])


def _check(value: Any) -> None:
    """Checks level by level, so that no depth can overflow the check itself."""
    level = [value]
    for _ in range(MAX_DEPTH):
        texts = [text for item in level for text in _texts(item)]
        if not "".join(texts).isascii():
            "".join(texts).encode()  # half a surrogate pair raises UnicodeEncodeError
        level = [part for item in level for part in _parts(item)]
        if not level:
            return
    raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast(dict[str, Any], value).values())
    return cast(list[Any], value) if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return list(cast(dict[str, Any], value))
    return [value] if isinstance(value, str) else []
