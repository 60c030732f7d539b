import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_reproduction as tiny
import tiny_run

from export.convert.converter import int8_bytes
from pld_tf.data.corpus.classes import find_classes
from pld_tf.data.crop_places import pad_crops
from pld_tf.data.held_out import HeldOut, held_out
from pld_tf.distill.ladder import Ladder, RungResult
from pld_tf.errors import PldError
from pld_tf.evaluation.decisions import read_decisions, right_decisions, write_decisions
from pld_tf.evaluation.evaluate import evaluate
from pld_tf.features.log_mel import log_mel
from pld_tf.recipe.schema import Recipe
from pld_tf.recipe.tables import PROTOCOLS
from pld_tf.reproduce import nets, paper
from pld_tf.reproduce import run as run_module
from pld_tf.reproduce.run import Asked, reproduce_paper
from pld_tf.run import folder
from pld_tf.run.folder import read_run
from pld_tf.run.train import distill

OUTPUTS = ("paper.md", "paper.csv", "paper.json", "paper.png")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Folder with the tones and their cache."""
    folder = tmp_path_factory.mktemp("reproduce")
    tiny_run.make_corpus(folder / "tones")
    return folder


@pytest.fixture(autouse=True)
def tiny_cache(monkeypatch, root, own_cache) -> None:
    monkeypatch.setenv("PLD_TF_CACHE", str(root / "cache"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_run.open_tiny(tmp_path_factory.mktemp("store"), tiny.paper_recipe())


def reproduce(
    root: Path,
    run_dir: Path,
    *,
    seeds: int = 1,
    data: str = "tones",
    ladders: Any = tiny.LADDERS,
    direct: Any = tiny.DIRECT,
    **changes: object,
) -> tuple[dict[str, Any], list[str]]:
    """The report, and what was said."""
    said: list[str] = []
    asked = Asked(
        recipe=tiny.paper_recipe(**changes),
        seeds=seeds,
        protocol="loudest",
        command="pld-tf reproduce paper",
        ladders=ladders,
        direct=direct,
    )
    report = reproduce_paper(
        asked,
        data=root / data,
        run_dir=run_dir,
        skip_bad=False,
        int8_bytes=tiny.small_bytes,
        say=said.append,
    )
    return report, said


@pytest.fixture
def untrained(monkeypatch) -> list[str]:
    """Nothing is trained, heard, converted or drawn. Gives what would have been trained."""
    made: list[str] = []

    class Untrained(Ladder):
        def __init__(self, *, recipe: Recipe, seed: int, **rest: Any) -> None:
            super().__init__(recipe=recipe, seed=seed, **rest)
            self.lengths_ms, self.seed = recipe.ladder.input_lengths_ms, seed

        def climb(self, report, *, rungs: int | None = None) -> None:
            for number, length_ms in enumerate(self.lengths_ms[:rungs]):
                folder = self._folder(number, 0)
                if not folder.is_dir():
                    folder.mkdir(parents=True)
                    made.append(f"{self.seed}: {folder.name[:-9]}")
                report(
                    RungResult(
                        number=number,
                        network=0,
                        length_ms=length_ms,
                        folder=folder,
                        student=None,
                        metrics={"student_accuracy": 0.5},
                    )
                )

    monkeypatch.setattr(run_module, "Ladder", Untrained)
    monkeypatch.setattr(
        run_module,
        "right_decisions",
        lambda model, clips, *, tested_ms, **rest: tiny.made_up(tested_ms // 100).right,
    )
    monkeypatch.setattr(run_module.Int8Sizes, "measure", lambda self, rung, **rest: None)
    monkeypatch.setattr(
        run_module, "write_plot", lambda path, report: path.write_text(str(report["nets"]))
    )
    return made


def test_rungs_that_ladders_share_have_one_folder_24_in_all(store, tmp_path):
    recipe = tiny.paper_recipe()
    folders: dict[Path, set[str]] = {}
    for ladder in paper.LADDERS:
        for net in nets.ladder_nets(recipe, ladder):
            rungs = Ladder(recipe=net.recipe, store=store, run_dir=tmp_path, seed=0)
            folders.setdefault(rungs._folder(net.rung, 0), set()).add(net.name)
    assert len(folders) == 24
    assert all(len(names) == 1 for names in folders.values())


def test_each_shared_rung_is_trained_once_and_each_baseline_too(root, tmp_path, untrained):
    _, said = reproduce(root, tmp_path)
    assert untrained == [
        "0: 0-1000ms", "0: 1-500ms", "0: 1-800ms", "0: 2-500ms",
        "0: 0-500ms", "0: 0-500ms", "0: 0-1000ms",
    ]  # fmt: skip
    told = [line.split(",")[0] for line in said if ", seed 0: centre " in line]
    assert told == list(tiny.NAMES)


def test_a_stopped_reproduction_goes_on_to_the_same_tables(root, tmp_path, untrained, monkeypatch):
    whole, _ = reproduce(root, tmp_path / "whole")
    test = run_module.Reproduction._test

    def stop_at_the_third(self, net, result, seed):
        if net.name == "1000-800":
            raise KeyboardInterrupt
        test(self, net, result, seed)

    monkeypatch.setattr(run_module.Reproduction, "_test", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        reproduce(root, tmp_path / "stopped")
    half = json.loads((tmp_path / "stopped" / "paper.json").read_text())
    assert half["nets"] == {"tested": 2, "all": 8}
    monkeypatch.setattr(run_module.Reproduction, "_test", test)
    report, said = reproduce(root, tmp_path / "stopped")
    assert "2 of 8 networks tested: half finished" in said[0]
    assert report == whole
    for name in OUTPUTS:
        stopped = (tmp_path / "stopped" / name).read_bytes()
        assert stopped == (tmp_path / "whole" / name).read_bytes()


def test_a_finished_reproduction_is_told_again_and_trains_nothing(root, tmp_path, untrained):
    first, _ = reproduce(root, tmp_path)
    untrained.clear()
    again, said = reproduce(root, tmp_path)
    assert untrained == []
    assert again == first
    assert "8 of 8 networks tested: complete" in said[0]


def test_more_seeds_go_on_in_the_same_folder(root, tmp_path, untrained):
    reproduce(root, tmp_path)
    untrained.clear()
    report, _ = reproduce(root, tmp_path, seeds=2)
    assert {made[0] for made in untrained} == {"1"}
    assert report["direct"][0]["seeds"] == [0, 1]


def test_other_choices_or_data_are_refused(root, tmp_path, untrained):
    reproduce(root, tmp_path)
    with pytest.raises(PldError, match=r"teaching\.labels = online, now hard."):
        reproduce(root, tmp_path, labels="hard")
    tiny_run.make_corpus(root / "other", seed=1)
    with pytest.raises(PldError, match="was made with other data, or data that has changed"):
        reproduce(root, tmp_path, data="other")


def test_runs_of_distill_and_reproductions_refuse_each_others_folders(root, tmp_path, untrained):
    reproduce(root, tmp_path / "paper")
    with pytest.raises(PldError, match=r"no run of pld-tf distill but of pld-tf reproduce paper"):
        read_run(tmp_path / "paper")
    with pytest.raises(PldError, match=r"no run of pld-tf distill but of pld-tf reproduce paper"):
        distill(
            recipe=tiny_run.make_recipe(),
            recipe_name="tiny",
            data=root / "tones",
            run_dir=tmp_path / "paper",
            seed=0,
            skip_bad=False,
            say=lambda line: None,
        )
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"format": 2, "recipe_name": "tiny"}')
    with pytest.raises(PldError, match="holds a run of pld-tf distill, not a reproduction"):
        reproduce(root, tmp_path / "run")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "can't be read as a reproduction"),
        ("[]", "can't be read as a reproduction"),
        ('{"kind": "paper"}', "can't be read as a reproduction: KeyError"),
        ('{"kind": "paper", "format": 99}', "has format 99; this version reads 2"),
    ],
)
def test_a_broken_run_file_is_named(root, tmp_path, text, message):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(PldError, match=message) as refused:
        reproduce(root, tmp_path)
    assert str(tmp_path / "run.json") in str(refused.value)


def test_a_wrong_recipe_leaves_no_folder(root, tmp_path):
    with pytest.raises(PldError, match="input_lengths_ms"):
        reproduce(root, tmp_path / "run", input_lengths_ms=[1000, 500])
    assert not (tmp_path / "run").exists()


def test_a_damaged_file_of_decisions_is_named(root, tmp_path, untrained):
    reproduce(root, tmp_path)
    path = tmp_path / "decisions" / "1000-500-seed0.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(PldError, match=r"1000-500-seed0.npz is damaged"):
        reproduce(root, tmp_path)


def test_decisions_of_other_clips_are_refused(tmp_path):
    write_decisions(tmp_path / "some.npz", tiny.made_up(3))
    with pytest.raises(PldError, match=r"must be bool \[17, decisions\], got bool \[16, 1\]"):
        read_decisions(tmp_path / "some.npz", clips=17)


def test_decisions_read_back_are_those_written(tmp_path):
    written = tiny.made_up(3, validation=0.25)
    write_decisions(tmp_path / "deep" / "some.npz", written)
    read = read_decisions(tmp_path / "deep" / "some.npz", clips=16)
    assert read.validation == 0.25
    for protocol in PROTOCOLS:
        np.testing.assert_array_equal(read.right[protocol], written.right[protocol])


@pytest.fixture(scope="module")
def clips(store) -> HeldOut:
    return held_out(store, find_classes(tiny.paper_recipe().words, store.words), "test")


def test_a_padded_crop_is_heard_as_a_teacher_hears_it(store, clips, tmp_path):
    """Oracle: the crop padded by hand, its features, the network itself."""
    recipe = tiny.paper_recipe()
    ladder = Ladder(recipe=recipe, store=store, run_dir=tmp_path, seed=0)
    model = ladder._build(0, 0)
    right = right_decisions(model, clips, spec=recipe.features, tested_ms=500, input_ms=1000)
    starts = clips.starts_ms("centre", 500)
    crops = np.concatenate([batch.numpy() for batch in clips.crops(starts, 500)])[:, 0]
    padded = pad_crops(crops.astype(np.float32), 4000)
    expected = model(log_mel(padded, recipe.features)).numpy().argmax(axis=-1) == clips.labels
    np.testing.assert_array_equal(right["centre"][:, 0], expected)
    assert right["random"].shape == (16, 5)
    assert right["sliding"].shape == right["loudest"].shape == (16, 1)


@pytest.mark.slow
def test_a_real_reproduction_agrees_with_evaluate(root, tmp_path, monkeypatch):
    """The oracle is a run of distill on the same rungs, evaluated; one seed, one ladder."""
    report, _ = reproduce(root, tmp_path / "paper", ladders=({500: 85.82},), direct=({500: 85.82},))
    assert report["nets"] == {"tested": 6, "all": 6}
    assert {cost["int8_bytes"] for cost in report["costs"].values()} == {tiny.SIZE}
    for name in OUTPUTS:
        assert (tmp_path / "paper" / name).is_file()
    shutil.copytree(tmp_path / "paper" / "rungs", tmp_path / "run" / "rungs")
    rungs = sorted((tmp_path / "run" / "rungs").iterdir())
    monkeypatch.setattr(folder, "refuse_occupied", lambda *_: None)  # The copy is meant.
    distill(
        recipe=tiny.paper_recipe(input_lengths_ms=[1000, 500]),
        recipe_name="tiny",
        data=root / "tones",
        run_dir=tmp_path / "run",
        seed=0,
        skip_bad=False,
        say=lambda line: None,
    )
    assert sorted((tmp_path / "run" / "rungs").iterdir()) == rungs  # it found both
    evaluated = evaluate(tmp_path / "run", data=root / "tones", say=lambda line: None)
    (last,) = report["ladders"][0]["rungs"]
    for protocol in PROTOCOLS:
        accuracy = evaluated["protocols"][protocol]["accuracy"]
        assert last["protocols"][protocol]["mean"] == pytest.approx(accuracy)
    assert evaluated["macs"] == report["costs"]["500"]["macs"]
    # A byte for each of 4,130 parameters, and less than the four that each takes as a float.
    assert 4_130 < int8_bytes(tmp_path / "run" / "bundle") < 4 * 4_130
