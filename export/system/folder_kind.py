"""Which folder of pld-tf lies at a path, and what to do where another one is needed."""

import shlex
from pathlib import Path

RUN, MODEL_BUNDLE, FIRMWARE_BUNDLE = "run folder", "model bundle", "firmware bundle"
_MARKERS = {"run.json": RUN, "bundle.json": MODEL_BUNDLE, "manifest.json": FIRMWARE_BUNDLE}


def folder_kind(path: Path) -> str | None:
    """`RUN`, `MODEL_BUNDLE` or `FIRMWARE_BUNDLE`; None for anything else."""
    return next((kind for name, kind in _MARKERS.items() if (path / name).is_file()), None)


def other_kind(path: Path, *, needed: str) -> str | None:
    """A line for a folder of another kind than the one that is needed; None where it is no such.

    >>> other_kind(Path("no such folder"), needed=RUN) is None
    True
    """
    found = folder_kind(path)
    if found in (None, needed):
        return None
    return f"{path} is a {found}, but a {needed} is needed. {_way(path, found, needed)}"


def _way(path: Path, found: str | None, needed: str) -> str:
    if needed == FIRMWARE_BUNDLE:
        return f"Make one: pld-tf export {shlex.quote(str(path))} --out BUNDLE"
    if found == FIRMWARE_BUNDLE:
        return "pld-tf export has made it from a run: give the --run-dir of pld-tf distill."
    around = next((one for one in path.absolute().parents if (one / "run.json").is_file()), None)
    if around is not None:
        return f"It belongs to this run: {around}"
    return "Give the --run-dir of pld-tf distill."
