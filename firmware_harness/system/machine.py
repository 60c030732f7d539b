"""Names the machine and the software behind a figure. Never fails."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("ai-edge-litert", "ethos-u-vela", "numpy", "tensorflow", "tflite-micro")
_CPUINFO = Path("/proc/cpuinfo")
# x86 uses "model name"; ARM boards use "Model" or "Hardware".
_CPU_KEYS = ("model name", "Model", "Hardware")


def describe_machine() -> dict[str, Any]:
    """CPU, cores this process may use, operating system, Python and package versions."""
    return {
        "cpu": cpu_name(_CPUINFO),
        "cores": usable_cores(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "packages": package_versions(PACKAGES),
    }


def usable_cores() -> int:
    """Logical cores this process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name(cpuinfo: Path) -> str:
    """The processor's name from a Linux cpuinfo file; without the file, what Python knows."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    named = (fields[key] for key in _CPU_KEYS if fields.get(key))
    return next(named, platform.processor() or platform.machine())


def package_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Version of each installed package; missing ones are left out."""
    versions: dict[str, str] = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
