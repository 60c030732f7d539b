"""Versions of the packages behind a result."""

import sys
from importlib import metadata

PACKAGES = (
    "pld-tf",
    "tensorflow",
    "tf_keras",
    "tensorflow-model-optimization",
    "tensorflow-io",
    "numpy",
)


def package_versions() -> dict[str, str]:
    """Version of Python and of each package that affects a model."""
    versions = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions
