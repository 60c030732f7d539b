import io
import sys

import pytest

from pld_tf.system import progress
from pld_tf.system.progress import progress_bar


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    return clock


def test_a_log_gets_a_line_every_twenty_seconds(clock, capsys):
    with progress_bar("packing") as advance:
        for second in range(0, 45, 5):
            clock.now = 100.0 + second
            advance(second * 10, 1000)
    assert capsys.readouterr().err.splitlines() == [
        "packing: 200 of 1,000 clips, 10 clips/s, 80 s left",
        "packing: 400 of 1,000 clips, 10 clips/s, 60 s left",
    ]


def test_what_an_earlier_run_did_does_not_count_as_speed(clock, capsys):
    with progress_bar("rung 1", unit="crops") as advance:
        advance(5000, 6000)
        clock.now += 25.0
        advance(5100, 6000)
    assert capsys.readouterr().err == "rung 1: 5,100 of 6,000 crops, 4 crops/s, 225 s left\n"


def test_nothing_done_yet_is_no_division_by_zero(clock, capsys):
    with progress_bar("packing") as advance:
        clock.now += 60.0
        advance(0, 10)
    assert capsys.readouterr().err == "packing: 0 of 10 clips\n"


def test_slow_work_has_a_rate_that_is_not_zero(clock, capsys):
    with progress_bar("training") as advance:
        advance(0, 10)
        clock.now += 40.0
        advance(1, 10)
    assert capsys.readouterr().err == "training: 1 of 10 clips, 1.5 clips a minute, 360 s left\n"


def test_colours_in_a_log_bring_no_bar(clock, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bar("packing") as advance:
        advance(0, 10)
        clock.now += 25.0
        advance(5, 10)
    assert capsys.readouterr().err == "packing: 5 of 10 clips, 12.0 clips a minute, 25 s left\n"


def test_a_terminal_gets_a_bar_and_stdout_gets_nothing(clock, monkeypatch, capsys):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("packing") as advance:
        advance(0, 10)
        clock.now += 1.0
        advance(5, 10)
    assert "packing" in terminal.getvalue()
    assert "50 %" in terminal.getvalue()
    assert "5 clips/s" in terminal.getvalue()
    assert capsys.readouterr().out == ""
