import subprocess

import pytest

from firmware_harness.system.source_commit import source_commit


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
