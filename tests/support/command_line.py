"""Run a command line in this process, and what a refused one says."""

import sys

import pytest

from pld_tf.commands import main


def run_main(patch: pytest.MonkeyPatch, *arguments: object) -> int:
    patch.setattr(sys, "argv", ["pld-tf", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return ended.value.code or 0


def refusal(result: tuple[int, str, str]) -> str:
    """The one line that a refused command says."""
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("pld-tf: ")
    assert err.count("\n") == 1
    return err.removeprefix("pld-tf: ").rstrip("\n")
