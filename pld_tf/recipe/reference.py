"""Every key of a recipe in words: table, default, what it affects, what it means."""

import inspect
import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from pydantic.fields import FieldInfo

from pld_tf.features.spec import FeatureSpec
from pld_tf.recipe.affects import Affects, Table
from pld_tf.recipe.schema import Recipe
from pld_tf.recipe.tables import DeviceLimits, ModelChoice


@dataclass(frozen=True, kw_only=True)
class KeyText:
    """One key of a table.

    Attributes:
      key: its name in the table.
      default: as TOML writes it; None if a recipe must give a value.
      affects: what is trained again when the value changes.
      meaning: one or a few sentences.
    """

    key: str
    default: str | None
    affects: Affects
    meaning: str


# Description of each table and its keys, by the table's name in TOML.
Tables = dict[str, tuple[str, list[KeyText]]]


def table_keys() -> Tables:
    """All tables of a recipe, in the order of a recipe file."""
    tables = {
        name: field.annotation
        for name, field in Recipe.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Table)
    }
    tables |= {"models": ModelChoice, "device": DeviceLimits}
    found = {name: (_first_line(kind), list(_keys(kind))) for name, kind in tables.items()}
    found["features"] = (_first_line(FeatureSpec), list(_feature_keys()))
    order = [name for name in Recipe.model_fields if name in found]
    return {name: found[name] for name in order}


def _keys(table: type[Table]) -> Iterator[KeyText]:
    for name, field in table.model_fields.items():
        yield KeyText(
            key=name,
            default=_default(field),
            affects=table.effect(name),
            meaning=" ".join((field.description or "").split()),
        )


def _default(field: FieldInfo) -> str | None:
    if field.is_required():
        return None
    value: Any = field.default
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return "none" if value is None else json.dumps(value)


def _feature_keys() -> Iterator[KeyText]:
    """The `Args:` in the spec's docstring are the meanings of its keys."""
    meanings = _arguments(inspect.getdoc(FeatureSpec) or "")
    for field in fields(FeatureSpec):
        yield KeyText(
            key=field.name,
            default=json.dumps(field.default),
            affects=Affects.WEIGHTS,
            meaning=meanings[field.name],
        )


def _arguments(doc: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in doc.partition("Args:\n")[2].partition("\n\n")[0].splitlines():
        if not line.startswith("   "):
            name, _, line = line.strip().partition(":")
        found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").splitlines()[0]


def keys_text(tables: Tables) -> str:
    """For a terminal: each key with its default, then its meaning below it."""
    lines: list[str] = []
    for name, (about, keys) in tables.items():
        lines += [f"{_header(name)}  {about}", ""]
        for each in keys:
            given = "must be given" if each.default is None else f"= {each.default}"
            lines.append(f"  {each.key} {given}  (affects {each.affects.value})")
            lines += textwrap.wrap(
                each.meaning, 96, initial_indent="    ", subsequent_indent="    "
            )
        lines.append("")
    return "\n".join(lines).rstrip()


def keys_markdown(tables: Tables) -> str:
    """For docs/recipe_keys.md: one Markdown table per table."""
    lines: list[str] = []
    for name, (about, keys) in tables.items():
        lines += [f"## `{_header(name)}`", "", about, ""]
        lines += ["| key | default | affects | meaning |", "|---|---|---|---|"]
        for each in keys:
            default = "" if each.default is None else f"`{each.default}`"
            meaning = each.meaning.replace("|", "\\|")
            lines.append(f"| `{each.key}` | {default} | {each.affects.value} | {meaning} |")
        lines.append("")
    return "\n".join(lines)


def keys_json(tables: Tables) -> dict[str, list[dict[str, str | None]]]:
    """For machines."""
    return {
        name: [asdict(each) | {"affects": each.affects.value} for each in keys]
        for name, (_, keys) in tables.items()
    }


def _header(name: str) -> str:
    return "[[models]]" if name == "models" else f"[{name}]"
