import subprocess

import pytest

from firmware_harness.system.machine import (
    cpu_name,
    describe_machine,
    package_versions,
    source_commit,
    usable_cores,
)


def git(folder, *arguments):
    name = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *name, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(variable, raising=False)
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "tag", "-m", "v1", "v1")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "processor\t: 0\nmodel name\t: Chip A\n\nprocessor\t: 1\nmodel name\t: Chip B\n",
            "Chip A",
        ),
        (
            "processor : 0\nBogoMIPS : 48\n\nHardware : BCM2835\nModel\t\t: Board 4: rev 1\n",
            "Board 4: rev 1",
        ),
    ],
)
def test_the_processor_is_named_from_cpuinfo(tmp_path, text, name):
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_name(tmp_path / "cpuinfo") == name


def test_without_cpuinfo_python_names_the_processor(tmp_path, monkeypatch):
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert cpu_name(tmp_path / "missing") == "arm64"


def test_packages_that_are_not_installed_are_left_out():
    assert set(package_versions(("numpy", "no-such-package-here"))) == {"numpy"}


def test_a_machine_has_cores_and_names():
    machine = describe_machine()
    assert machine["cores"] == usable_cores() >= 1
    assert machine["cpu"] and machine["os"] and machine["python"].startswith("3.")
    assert machine["packages"]["numpy"]


def test_the_commit_is_the_full_hash_even_at_a_tag(checkout):
    assert source_commit(checkout) == git(checkout, "rev-parse", "HEAD").strip()


def test_uncommitted_changes_show_in_the_commit(checkout):
    (checkout / "file").write_text("two")
    assert source_commit(checkout) == git(checkout, "rev-parse", "HEAD").strip() + "+"


def test_a_git_hook_of_another_repository_does_not_mislead(checkout, monkeypatch, tmp_path):
    expected = git(checkout, "rev-parse", "HEAD").strip()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert source_commit(checkout) == expected


def test_a_package_inside_another_checkout_has_no_commit(checkout):
    (checkout / "site-packages").mkdir()
    assert source_commit(checkout / "site-packages") is None


def test_a_checkout_without_commits_has_no_commit(tmp_path):
    git(tmp_path, "init", "-q")
    assert source_commit(tmp_path) is None


def test_without_git_there_is_no_commit(checkout, monkeypatch):
    monkeypatch.setenv("PATH", str(checkout))
    assert source_commit(checkout) is None
