"""Equal constants of several layers are written once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from export.c_code.model.ir import Node
from export.c_code.model.layer import LayerCode

_DECLARATION = re.compile(r"static const ([^=]*?)(\w+)((?:\[\d+\])?) = (.*?\};\n)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class _Known:
    """Names of constants that stand in the portable code, and in that for the DSP extension."""

    portable: dict[str, str] = field(default_factory=dict[str, str])
    dsp: dict[str, str] = field(default_factory=dict[str, str])


def share_tables(layers: Sequence[tuple[Node, LayerCode]]) -> list[tuple[Node, LayerCode]]:
    """The layers, without constants that an earlier layer has under another name."""
    known = _Known()
    return [(node, _shared(code, known)) for node, code in layers]


def _shared(code: LayerCode, known: _Known) -> LayerCode:
    dsp = code.dsp
    if dsp is None or dsp.tables == code.tables:
        # They stand in both codes, so they take the place of what stands in both.
        tables, names = _without(code.tables, known.portable, also=known.dsp)
        variant = dsp and replace(dsp, tables=tables, body=_renamed(dsp.body, names))
        return replace(code, tables=tables, body=_renamed(code.body, names), dsp=variant)
    tables, names = _without(code.tables, known.portable)
    dsp_tables, dsp_names = _without(dsp.tables, known.dsp)
    variant = replace(dsp, tables=dsp_tables, body=_renamed(dsp.body, dsp_names))
    return replace(code, tables=tables, body=_renamed(code.body, names), dsp=variant)


def _without(
    tables: str, known: dict[str, str], *, also: dict[str, str] | None = None
) -> tuple[str, dict[str, str]]:
    """Declarations that are new, and new names for those that are not."""
    names: dict[str, str] = {}

    def keep(found: re.Match[str]) -> str:
        kind, name, size, values = found.groups()
        content = f"{kind}{size}{values}"
        same = known.get(content)
        if same is not None and (also is None or also.get(content) == same):
            names[name] = same
            return ""
        known.setdefault(content, name)
        if also is not None:
            also.setdefault(content, name)
        return found[0]

    return _DECLARATION.sub(keep, tables), names


def _renamed(body: str, names: dict[str, str]) -> str:
    return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), body)
