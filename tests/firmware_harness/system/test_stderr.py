"""Standard error while the interpreter starts."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from places import ROOT

from firmware_harness.system import stderr
from firmware_harness.system.stderr import start_up_noise_held_back

NOISE = b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"


@pytest.fixture(autouse=True)
def as_in_a_new_process(monkeypatch) -> None:
    monkeypatch.setattr(stderr, "_over", threading.Event())


def filters_started(monkeypatch) -> list[object]:
    started: list[object] = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda *arguments, **named: started.append(0) or popen(*arguments, **named),
    )
    return started


def test_only_the_whole_start_up_line_is_dropped(capfd):
    with start_up_noise_held_back():
        os.write(2, NOISE + b"warning: " + NOISE + b"an error without a line end")
    expected = b"warning: " + NOISE + b"an error without a line end"
    assert capfd.readouterr().err == expected.decode()


def test_what_was_written_before_an_exception_is_not_lost(capfd):
    with pytest.raises(ValueError, match="boom"), start_up_noise_held_back():
        os.write(2, b"the reason\n")
        raise ValueError("boom")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "the reason\nafter\n"


def test_a_filter_is_started_until_the_noise_has_come_and_never_again(capfd, monkeypatch):
    started = filters_started(monkeypatch)
    for said in (b"", b"error\n", NOISE, b"late error\n", b"more\n"):
        with start_up_noise_held_back():
            os.write(2, said)
    assert len(started) == 3
    assert capfd.readouterr().err == "error\nlate error\nmore\n"


def test_noise_before_an_exception_is_the_last_of_the_process_too(monkeypatch):
    started = filters_started(monkeypatch)
    with pytest.raises(ValueError, match="boom"), start_up_noise_held_back():
        os.write(2, NOISE)
        raise ValueError("boom")
    with start_up_noise_held_back():
        pass
    assert len(started) == 1


def test_the_last_words_of_a_process_that_aborts_are_passed_on():
    words = b"fatal: the reason\n" + NOISE + b"and no line end"
    code = (
        "import os\n"
        "from firmware_harness.system.stderr import start_up_noise_held_back\n"
        "with start_up_noise_held_back():\n"
        f"    os.write(2, {words!r})\n"
        "    os.abort()\n"
    )
    root = ROOT
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        -signal.SIGABRT,
        "fatal: the reason\nand no line end",
    )
