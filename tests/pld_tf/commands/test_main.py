"""What is around every command: its streams, the system's errors, signals, shadowed packages."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from command_line import refusal
from places import ROOT

from pld_tf.commands import shadows
from pld_tf.commands.app import app

PROGRAM = "from pld_tf.commands.main import main; main()"
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


def start(*arguments: str, **options) -> subprocess.CompletedProcess:
    """`pld-tf` as a process of its own, which settles its surroundings at the start."""
    changes = {"PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *arguments],
        env=os.environ | changes,
        text=True,
        check=False,
        **options,
    )


@pytest.fixture
def command(monkeypatch):
    """Adds a command `try` that does what the test says."""
    before = list(app.registered_commands)
    yield lambda body: app.command("try")(body)
    app.registered_commands[:] = before


@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["--version"], ["recipes", "keys"], ["--help"]])
def test_a_full_disk_behind_standard_output_is_one_line(unbuffered, arguments):
    with FULL.open("w") as full:
        done = start(
            *arguments, stdout=full, stderr=subprocess.PIPE, env={"PYTHONUNBUFFERED": unbuffered}
        )
    assert (done.returncode, done.stderr) == (
        2,
        "pld-tf: standard output: No space left on device. Make room there.\n",
    )


@needs_full
def test_a_full_disk_behind_standard_error_keeps_the_exit_code():
    with FULL.open("w") as full:
        assert start("recipes", "show", "nope", stdout=subprocess.PIPE, stderr=full).returncode == 2


def test_a_reader_that_has_gone_is_no_error_to_tell():
    read, write = os.pipe()
    os.close(read)
    done = start("recipes", "keys", stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_closed_streams_lead_to_nowhere():
    def close() -> None:
        os.close(1)
        os.close(2)

    assert start("recipes", preexec_fn=close).returncode == 0


def test_a_word_that_the_terminal_can_not_show_is_escaped():
    done = start("recipes", "show", "grün", capture_output=True, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert done.stderr.startswith(r"pld-tf: no recipe or file named 'gr\xfcn';")


def test_an_error_of_the_system_is_one_line(pld, command, tmp_path):
    command(lambda: (tmp_path / "no" / "a").write_text(""))
    said = refusal(pld("try"))
    assert said == f"{tmp_path}/no/a: No such file or directory. There is no folder {tmp_path}/no."


@pytest.fixture
def handled():
    """Gives a signal the handler that a shell's foreground commands have."""
    before: dict[int, Any] = {}

    def handle(number: int) -> None:
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        before[number] = signal.signal(number, usual)

    yield handle
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_a_command_with_its_code_and_one_line(pld, command, number, code, handled):
    handled(number)
    cleaned = []

    def wait() -> None:
        try:
            signal.raise_signal(number)
        finally:
            cleaned.append(True)

    command(wait)
    assert pld("try") == (code, "", "pld-tf: stopped.\n")
    assert cleaned == [True]


def test_a_signal_ends_the_child_too_and_removes_temporary_folders(tmp_path):
    """The converter and the compiler are started as this child is."""
    child = "import time; print('begun', flush=True); time.sleep(600)"
    body = (
        "import subprocess, sys\n"
        "from pld_tf.commands.app import app\n"
        "from pld_tf.commands.main import main\n"
        "from pld_tf.system.temporary import temporary_folder\n"
        "@app.command('try')\n"
        "def run():\n"
        "    with temporary_folder() as folder:\n"
        f"        subprocess.run([sys.executable, '-c', {child!r}], cwd=folder)\n"
        "sys.argv = ['pld-tf', 'try']\n"
        "main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", body],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGTERM)
    # The child holds the same pipes: this returns when it has ended.
    assert process.communicate(timeout=60) == ("", "pld-tf: stopped.\n")
    assert process.returncode == 143
    assert list(tmp_path.iterdir()) == []


def test_an_ignored_signal_stays_ignored(pld, command, monkeypatch):
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    command(lambda: signal.raise_signal(signal.SIGHUP) or typer.echo("went on"))
    try:
        assert pld("try") == (0, "went on\n", "")
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("name", shadows.PACKAGES)
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_file_that_hides_a_package_is_named(tmp_path, name, kind):
    shadow = tmp_path / (f"{name}.py" if kind == "file" else name)
    if kind == "file":
        shadow.write_text("raise ImportError('of the user')")
    else:
        shadow.mkdir()
        (shadow / "__init__.py").touch()
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = start("--version", capture_output=True, env={"PYTHONPATH": path})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"pld-tf: the {kind} {shadow} hides pld-tf's own package of that name. Rename it, or take "
        "its folder out of PYTHONPATH and the place where you start.\n"
    )


def test_a_package_that_pip_has_overwritten_is_told_from_ours(tmp_path, monkeypatch):
    (tmp_path / "export").mkdir()
    monkeypatch.setattr(shadows, "_found", lambda name: tmp_path / name)
    said = shadows.shadowed_package(tmp_path)
    assert said.startswith(f"{tmp_path}/export is another package than pld-tf's")


def test_a_package_that_is_missing_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(shadows, "_found", lambda name: None)
    assert "install pld-tf again" in shadows.shadowed_package(tmp_path)
