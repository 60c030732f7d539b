"""The built wheel, installed where nothing else is."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from places import ROOT

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a build leaves files behind, and takes stale ones in
    for package in ("pld_tf", "export", "firmware_harness"):
        shutil.copytree(ROOT / package, source / package)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source),
        cwd=folder,
    )
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_source_file_and_recipe_and_nothing_of_the_tests(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    for package in ("pld_tf", "export", "firmware_harness"):
        for path in (ROOT / package).rglob("*"):
            if path.suffix in (".py", ".toml", ".c", ".h", ".ld", ".html", ".css", ".js"):
                assert path.relative_to(ROOT).as_posix() in held
    assert not [name for name in held if name.startswith("tests")]


def test_the_wheel_installs_in_a_clean_environment_and_lists_its_recipes(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    pinned = ROOT / "requirements.txt"
    install = (python, "-m", "pip", "install", "--quiet", "--no-compile")
    run(*install, wheel, "--constraint", pinned, cwd=tmp_path)
    listed = run(tmp_path / "env" / "bin" / "pld-tf", "recipes", cwd=tmp_path)
    assert "speech_commands_v2_12" in listed
    assert "keywords" in run(
        tmp_path / "env" / "bin" / "pld-tf", "recipes", "show", "own_words", cwd=tmp_path
    )
