"""Damaged and hostile copies of files, each a pure function of a random generator."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

EDGES = (0, 1, 2, 4, 0x7F, 0x7FFFFFFF, 0x7FFFFFF0, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFC, 0xFFFF)
NAMES = (
    "../outside", "/etc/hostname", "a/../../b", "", ".", "..", "C:\\x", "x" * 5000, "nul\0byte",
    "line\nfeed", "\x1b[2J", "\ud800", "saved_model", "bundle.json", "manifest.json", "a//b",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**63, 10**400, 1e308, -0.0, 0.5, "", "NaN", "x" * 3000, [], {},
    [[]], [None], {"": None}, "\ud800", "a\nb", *NAMES,
)  # fmt: skip
# Texts that json.dumps would not write.
RAW = ("NaN", "Infinity", "-Infinity", "1e999", "1" * 5000, "[" * 900 + "]" * 900, "[" * 99999)


def mutated_bytes(content: bytes, rng: random.Random) -> bytes:
    """Cut off, flipped, overwritten with edge values, swapped, or with a part put in twice."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        if len(changed) >= 8:
            rng.choice(BYTE_MUTATORS)(changed, rng, rng.randrange(len(changed) - 4))
    return bytes(changed)


def _cut(changed: bytearray, rng: random.Random, at: int) -> None:
    del changed[at:]


def _flip(changed: bytearray, rng: random.Random, at: int) -> None:
    changed[at] ^= 1 << rng.randrange(8)


def _edge(changed: bytearray, rng: random.Random, at: int) -> None:
    """An offset, a length or a number, all of which lie at multiples of 4."""
    at -= at % 4
    edge = rng.choice((*EDGES, len(changed), len(changed) - at, rng.randrange(2**32)))
    changed[at : at + 4] = (edge % 2**32).to_bytes(4, "little")


def _vtable_entry(changed: bytearray, rng: random.Random, at: int) -> None:
    changed[at : at + 2] = rng.randrange(64).to_bytes(2, "little")


def _swap(changed: bytearray, rng: random.Random, at: int) -> None:
    other = rng.randrange(len(changed) - 4)
    one = changed[at : at + 4]
    changed[at : at + 4] = changed[other : other + 4]
    changed[other : other + 4] = one


def _twice(changed: bytearray, rng: random.Random, at: int) -> None:
    changed[at:at] = changed[at : at + rng.randrange(64)]


BYTE_MUTATORS = (_cut, _flip, _edge, _vtable_entry, _swap, _twice)


def mutated_json(text: str, rng: random.Random) -> str:
    """One value replaced, taken out, renamed or given twice; or bytes of the text changed."""
    value = json.loads(text)
    places = list(_places(value))
    if not places or rng.random() < 0.2:
        return mutated_bytes(text.encode(), rng).decode(errors="replace")
    parent, key = rng.choice(places)
    match rng.randrange(5):
        case 0:
            parent[key] = rng.choice(VALUES)
        case 1:
            del parent[key]
        case 2 if isinstance(parent, dict):
            parent[rng.choice(NAMES)] = parent.pop(key)
        case 3:
            parent[key] = "@raw@"
            return json.dumps(value).replace('"@raw@"', rng.choice(RAW), 1)
        case _:
            twice = json.dumps(key) + ": 1, " if isinstance(parent, dict) else ""
            return json.dumps(value).replace(json.dumps(key) + ":", twice + json.dumps(key) + ":")
    return json.dumps(value)


def _places(value: Any) -> Any:
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def mutated_npz(content: bytes, rng: random.Random) -> bytes:
    """Bytes changed in the archive, or in one member that is packed again, or a member renamed."""
    if rng.random() < 0.4:
        return mutated_bytes(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(members))
    if rng.random() < 0.3:
        members[rng.choice(NAMES).replace("\ud800", "u").replace("\0", "") or "e"] = members.pop(
            name
        )
    else:
        # The header is at the front: shape, type and order.
        front = mutated_bytes(members[name][:128], rng)
        members[name] = _other_shape(front, rng) + members[name][128:]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", rng.choice((0, 8))) as archive:
        for each, data in members.items():
            archive.writestr(each, data)
    return packed.getvalue()


def _other_shape(front: bytes, rng: random.Random) -> bytes:
    claims = (b"(1000000000000,)", b"(-1, 5)", b"(1,) * 9", b"()", b"(None,)", b"(2,2")
    if rng.random() < 0.5 or b"(" not in front:
        return front
    start = front.index(b"(")
    end = front.find(b")", start) + 1 or len(front)
    claim = rng.choice(claims)
    return (front[:start] + claim + front[end:])[: len(front)].ljust(len(front))


MUTATORS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    ".json": lambda content, rng: mutated_json(content.decode(), rng).encode(
        errors="surrogatepass"
    ),
    ".npz": mutated_npz,
    ".tflite": mutated_bytes,
    ".pb": mutated_bytes,
}


def mutate_one_file(folder: Path, names: list[str], rng: random.Random) -> Path:
    """Mutate one of the named files of a folder in place."""
    path = folder / rng.choice(names)
    path.write_bytes(MUTATORS[path.suffix](path.read_bytes(), rng))
    return path
