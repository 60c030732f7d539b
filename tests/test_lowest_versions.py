"""The lowest versions that pyproject.toml allows work. Most are pinned, and so tested anyway."""

import json
import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import tiny_run
from packaging.requirements import Requirement
from packaging.version import Version
from places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EVERY = [
    *map(Requirement, PROJECT["dependencies"]),
    *(Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines),
]
PINS = {
    name: version
    for name, separator, version in (
        line.partition("==") for line in (ROOT / "requirements.txt").read_text("utf-8").split("\n")
    )
    if separator
}
# pyOCD is not installed for the tests: it brings what only a board needs.
NOT_HERE = {"pyocd"}


def lowest(requirement: Requirement) -> str:
    (bound,) = (each.version for each in requirement.specifier if each.operator in ("==", ">="))
    return bound


RANGES = {each.name: lowest(each) for each in EVERY if "==" not in str(each.specifier)}


def test_every_dependency_has_a_lowest_version_and_the_tested_one_is_allowed():
    for each in EVERY:
        assert lowest(each)
        if each.name not in NOT_HERE:
            assert each.specifier.contains(PINS[each.name]), each


def test_a_pin_of_the_project_is_the_version_that_is_tested():
    pinned = {each.name: lowest(each) for each in EVERY if each.name not in RANGES}
    assert {name: PINS.get(name) for name in pinned if name not in NOT_HERE} == {
        name: version for name, version in pinned.items() if name not in NOT_HERE
    }


def install(folder: Path, *requirements: str) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--no-deps", "--upgrade", "--target", folder, *requirements],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:]
        if "onnection" in done.stderr or "from versions: none" in done.stderr:
            pytest.skip(f"needs a package index: {reason}")
        pytest.fail(done.stderr)


def unmet(folder: Path) -> list[str]:
    """What the packages of a folder need in another version than that beside this test."""
    wanted = [
        Requirement(line)
        for found in metadata.distributions(path=[str(folder)])
        for line in found.requires or []
    ]
    return [
        f"{each.name}{each.specifier}"
        for each in wanted
        if not each.marker or each.marker.evaluate({"extra": ""})
        if not each.specifier.contains(metadata.version(each.name))
    ]


@pytest.fixture(scope="module")
def low(tmp_path_factory) -> Path:
    """A folder of nothing but the packages whose lowest version is not the one installed."""
    folder = tmp_path_factory.mktemp("lowest")
    install(folder, *(f"{name}=={version}" for name, version in RANGES.items()))
    if needed := unmet(folder):
        install(folder, *needed)
    return folder


@pytest.mark.slow
def test_every_command_answers_and_a_run_is_trained_with_the_lowest_versions(low, tmp_path):
    tiny_run.make_corpus(tmp_path / "tones")
    tiny_run.write_recipe(tmp_path / "tiny.toml")
    support = ROOT / "tests" / "support"
    done = subprocess.run(
        [sys.executable, support / "lowest_versions_run.py", tmp_path, *RANGES],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (low, ROOT, support)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {job: code for job, code in said["codes"].items() if code} == {}
    assert "distill --help" in said["codes"]
    for name, (version, place) in said["loaded"].items():
        assert Version(version) == Version(RANGES[name])
        assert place.startswith(str(low))
    assert (tmp_path / "run" / "bundle" / "bundle.json").is_file()
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
