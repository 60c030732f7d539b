"""Finds a file of the user's that Python takes for one of this program's packages."""

import importlib.util
from pathlib import Path

# Beside this package, with plain names: a user's script may have the same name.
PACKAGES = ("export", "firmware_harness")
_HOME = Path(__file__).resolve().parents[2]


def shadowed_package(home: Path = _HOME) -> str | None:
    """Say which package Python finds in another place than `home`; None if it finds all there."""
    for name in PACKAGES:
        found = _found(name)
        if found is None:
            return f"the package {name} is not in {home}; install pld-tf again."
        if found.resolve() != home / name:
            return (
                f"{_shown(found)} hides pld-tf's own package of that name. Rename it, or take its "
                "folder out of PYTHONPATH and the place where you start."
            )
        if not (found / "cli.py").is_file():
            return (
                f"{found} is another package than pld-tf's of that name, which pip has "
                "overwritten. Install pld-tf into an environment of its own."
            )
    return None


def _found(name: str) -> Path | None:
    """The folder of a package, or the file of a module."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or [])
    place = folders[0] if folders else spec.origin
    return Path(place) if place else None


def _shown(found: Path) -> str:
    return f"the folder {found}" if found.is_dir() else f"the file {found}"
