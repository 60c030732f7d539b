import subprocess
import sys
from importlib import metadata

import pytest

from pld_tf.system import provenance
from pld_tf.system.provenance import package_versions, source_commit


def git(folder, *arguments: str) -> str:
    command = ["git", "-C", folder, "-c", "user.name=x", "-c", "user.email=x@y", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one commit, from which the package seems to run."""
    # Git sets these in hooks, and they would lead to another repository.
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pld_tf").mkdir()
    source = tmp_path / "pld_tf" / "provenance.py"
    source.write_text("")
    monkeypatch.setattr(provenance, "__file__", str(source))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_versions_are_those_installed():
    versions = package_versions()
    assert versions["numpy"] == metadata.version("numpy")
    assert versions["python"] == sys.version.split()[0]


def test_a_missing_package_is_named_as_missing(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("no-such-package",))
    assert package_versions()["no-such-package"] == "not installed"


def test_a_clean_checkout_gives_its_commit(checkout):
    assert source_commit() == git(checkout, "rev-parse", "HEAD")


def test_a_changed_file_marks_the_commit_with_a_plus(checkout):
    (checkout / "pld_tf" / "provenance.py").write_text("changed")
    assert source_commit() == git(checkout, "rev-parse", "HEAD") + "+"


def test_an_installed_package_has_no_commit(checkout, monkeypatch):
    monkeypatch.setattr(provenance, "__file__", str(checkout / "lib" / "pld_tf" / "provenance.py"))
    assert source_commit() is None


def test_without_git_there_is_no_commit(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert source_commit() is None
