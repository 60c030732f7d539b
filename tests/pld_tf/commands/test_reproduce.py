import json
import sys
from typing import Any

import pytest
import tiny_reproduction as tiny

from pld_tf.commands import main
from pld_tf.reproduce import run as run_module
from pld_tf.reproduce.tables import protocol_text


@pytest.fixture
def pld(monkeypatch, capsys, tmp_path):
    """Runs `pld-tf reproduce paper`; gives exit code, stdout, stderr and what was asked for."""
    asked: dict[str, Any] = {}

    def reproduce_paper(given, **rest):
        asked.update(rest, asked=given)
        return tiny.made_up_report(tiny.all_tested())

    monkeypatch.setattr(run_module, "reproduce_paper", reproduce_paper)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "speech").mkdir()

    def run(*arguments: object):
        words = ["pld-tf", "reproduce", "paper", "-d", "speech", "-o", "run", *arguments]
        monkeypatch.setattr(sys, "argv", list(map(str, words)))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main.main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err, asked

    return run


def test_the_table_of_the_asked_protocol_is_printed(pld):
    code, out, _, asked = pld("--protocol", "sliding", "--seeds", 3)
    assert code == 0
    assert out == protocol_text(tiny.made_up_report(tiny.all_tested()), "sliding") + "\n"
    assert (asked["asked"].seeds, asked["asked"].protocol) == (3, "sliding")
    assert asked["asked"].command == (
        "pld-tf reproduce paper -d speech -o run --protocol sliding --seeds 3"
    )


def test_json_is_the_report(pld):
    _, out, _, _ = pld("--json")
    assert json.loads(out) == tiny.made_up_report(tiny.all_tested())


def test_defaults_are_one_seed_soft_labels_and_loudest_crops(pld):
    _, _, _, asked = pld()
    given = asked["asked"]
    assert (given.seeds, given.protocol, given.recipe.teaching.labels) == (1, "loudest", "online")


def test_labels_and_keys_reach_the_recipe(pld):
    _, _, _, asked = pld(
        "--labels", "hard", "--set", "training.epochs=3", "--set", "models.0.width=0.5"
    )
    recipe = asked["asked"].recipe
    assert (recipe.teaching.labels, recipe.training.epochs, recipe.models[0].width) == (
        "hard",
        [3],
        0.5,
    )


def test_a_misspelt_key_is_refused_in_one_line(pld):
    code, out, err, asked = pld("--set", "epoch=3")
    assert (code, out, asked) == (2, "", {})
    assert err == "pld-tf: recipe paper: unknown key 'epoch'; closest is 'training.epochs'.\n"


def test_ctrl_c_says_that_the_same_command_goes_on(pld, monkeypatch):
    def stop(*given: object, **rest: object):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "reproduce_paper", stop)
    code, out, err, _ = pld()
    assert (code, out) == (130, "")
    assert err == "pld-tf: stopped; the same command goes on from here.\n"
