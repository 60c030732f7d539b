"""Ctrl-C in places where Python drops exceptions."""

import signal
import sys

import pytest

from pld_tf.system.interrupt import remembered_stops, stop_if_asked
from pld_tf.system.progress import progress_bar


class PressedWhileFinalized:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


class BrokenFinalizer:
    def __del__(self) -> None:
        raise ValueError("boom")


def press_and_drop() -> None:
    PressedWhileFinalized()


def test_ctrl_c_stops_at_once():
    with pytest.raises(KeyboardInterrupt), remembered_stops():
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on")


def test_ctrl_c_that_python_drops_stops_long_work_at_its_next_step_without_a_word(capsys):
    done = []
    with pytest.raises(KeyboardInterrupt), remembered_stops(), progress_bar("work") as advance:
        for step in range(3):
            if step == 1:
                press_and_drop()
            done.append(step)
            advance(step, 3)
    assert done == [0, 1]
    assert capsys.readouterr().err == ""


def test_ctrl_c_of_an_earlier_command_is_forgotten():
    with remembered_stops():
        press_and_drop()
    with remembered_stops():
        stop_if_asked()


def test_other_exceptions_of_finalizers_are_told_as_ever(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: told.append(str(dropped.exc_value)))
    with remembered_stops():
        BrokenFinalizer()
    assert told == ["boom"]


def test_afterwards_all_is_as_before():
    before = signal.getsignal(signal.SIGINT), sys.unraisablehook
    with remembered_stops():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), sys.unraisablehook) == before
