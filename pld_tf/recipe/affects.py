"""What a change of a recipe's key affects. Each key in `tables` is marked with its effect."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Affects(Enum):
    """What must be trained again when a key changes."""

    NOTHING = "nothing"
    WEIGHTS = "every rung"
    TEACHING = "rungs that have a teacher"
    # Such a value belongs to one rung: each rung's key holds its own.
    RUNG = "the rungs it is for, and those after them"
    FINISHING = "finished students"


@dataclass(frozen=True)
class OfWay:
    """Marks a key that only one way of finishing reads."""

    name: str


class Table(BaseModel):
    """A table of a recipe, checked and frozen. Its values are those of the TOML file."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
    # Effect of all keys without a mark of their own.
    affects: ClassVar[Affects] = Affects.WEIGHTS

    @classmethod
    def effect(cls, key: str) -> Affects:
        """What a change of one key affects."""
        marks = cls.model_fields[key].metadata
        return next((mark for mark in marks if isinstance(mark, Affects)), cls.affects)

    @classmethod
    def way(cls, key: str) -> str | None:
        """The only way of finishing that reads a key; None if all do."""
        marks = cls.model_fields[key].metadata
        return next((mark.name for mark in marks if isinstance(mark, OfWay)), None)


def choices(recipe: BaseModel, *wanted: Affects) -> dict[str, Any]:
    """The values with one of the `wanted` effects, ready for JSON, by `table.key`.

    >>> from pld_tf.recipe.load import load_recipe
    >>> choices(load_recipe("demo"), Affects.FINISHING)["finish.ways"]
    []
    """
    return {name: value for name, effect, value in _flat(recipe) if effect in wanted}


def _flat(recipe: BaseModel) -> Iterator[tuple[str, Affects, Any]]:
    values = recipe.model_dump(mode="json")
    for name in type(recipe).model_fields:
        table = getattr(recipe, name)
        if isinstance(table, Table):
            for key in type(table).model_fields:
                yield f"{name}.{key}", table.effect(key), values[name][key]
        else:
            yield name, _effect_at_top(type(recipe), name), values[name]


def _effect_at_top(recipe: type[BaseModel], name: str) -> Affects:
    marks = recipe.model_fields[name].metadata
    return next((mark for mark in marks if isinstance(mark, Affects)), Affects.WEIGHTS)
