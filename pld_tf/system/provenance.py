"""Where a result comes from: versions of packages, and the commit of a source checkout."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "pld-tf",
    "tensorflow",
    "tf_keras",
    "tensorflow-model-optimization",
    "tensorflow-io",
    "numpy",
)


def package_versions() -> dict[str, str]:
    """Version of Python and of each package that shapes a model."""
    versions = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def source_commit() -> str | None:
    """Commit of the checkout this package runs from, with `+` when files differ; None elsewhere."""
    source = Path(__file__).resolve().parents[2]
    if not (source / ".git").exists():
        return None
    commit = _git(source, "rev-parse", "HEAD")
    if commit is None:
        return None
    return commit + ("+" if _git(source, "status", "--porcelain", "-uno") else "")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
