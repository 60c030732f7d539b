"""oneDNN is chosen by a recipe's networks, once for all of a run."""

import json
import os
import sys

import pytest

from pld_tf.errors import PldError
from pld_tf.recipe.load import load_recipe
from pld_tf.run.folder import read_run
from pld_tf.run.onednn import choose_onednn
from pld_tf.system.onednn import is_onednn_on, set_onednn

NAME = "TF_ENABLE_ONEDNN_OPTS"
TWO_FAMILIES = (
    'models=[{family="bc_resnet_bn",size="1"},{family="tc_resnet",size="8"}]',
    "ladder.input_lengths_ms=[1000,500]",
)


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv(NAME, raising=False)


def begin(run_dir, onednn: object) -> None:
    (run_dir / "run.json").write_text(json.dumps({"onednn": onednn}))


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("fast_8kw", (), False),
        ("best_8kw", (), True),
        ("smoke", TWO_FAMILIES, True),
    ],
)
def test_it_is_off_where_all_networks_train_faster_without(tmp_path, name, changes, expected):
    assert choose_onednn(load_recipe(name, list(changes)), tmp_path) is expected


@pytest.mark.parametrize(("value", "expected"), [("0", False), ("1", True)])
def test_a_new_run_follows_the_environment(tmp_path, monkeypatch, value, expected):
    monkeypatch.setenv(NAME, value)
    assert choose_onednn(load_recipe("fast_8kw"), tmp_path) is expected


@pytest.mark.parametrize("begun", [True, False])
def test_a_run_goes_on_with_the_choice_it_began_with(tmp_path, monkeypatch, begun):
    begin(tmp_path, begun)
    assert choose_onednn(load_recipe("fast_8kw"), tmp_path) is begun
    monkeypatch.setenv(NAME, str(int(not begun)))
    assert choose_onednn(load_recipe("fast_8kw"), tmp_path) is begun


def test_a_run_of_an_earlier_version_goes_on_with_it(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    assert choose_onednn(load_recipe("fast_8kw"), tmp_path) is True


def test_a_run_tells_its_choice(tiny):
    values = json.loads((tiny / "run" / "run.json").read_text())
    assert values["onednn"] is read_run(tiny / "run").onednn is is_onednn_on()


def test_a_choice_that_is_neither_true_nor_false_is_refused(tiny, tmp_path):
    values = json.loads((tiny / "run" / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(values | {"onednn": "off"}))
    with pytest.raises(PldError, match="expected true or false for 'onednn', got 'off'"):
        read_run(tmp_path)


def test_the_choice_is_made_only_before_tensorflow_loads(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    set_onednn(False)
    assert NAME not in os.environ
    monkeypatch.delitem(sys.modules, "tensorflow")
    monkeypatch.setenv(NAME, "1")  # restored afterwards
    set_onednn(False)
    assert not is_onednn_on()
