import importlib.metadata
import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from command_line import refusal, run_main
from places import ROOT

from pld_tf.commands import main
from pld_tf.commands.app import app
from pld_tf.errors import PldError
from pld_tf.recipe.load import recipe_names, recipe_text
from pld_tf.run import train as run_module

DOCS = ROOT / "docs"
COMMANDS = dict(runpy.run_path(str(DOCS / "make_cli.py"))["commands"]())
# Groups that do nothing by themselves.
GROUPS = ("pld-tf", "pld-tf data", "pld-tf reproduce")
# Three of export's only name the kind of model, and --preflight is another command in its place: it
# asks what an export would need. reproduce paper's name what the paper leaves open.
MORE_OPTIONS = {
    "pld-tf export": 16,
    "pld-tf bench": 9,
    "pld-tf reproduce paper": 8,
    "pld-tf evaluate": 8,
    "pld-tf data stream": 7,
}


@pytest.fixture(scope="module")
def exported(tiny) -> Path:
    """Firmware bundle of the tiny run, made by the command itself."""
    out = tiny / "bundle"
    if not out.is_dir():
        with pytest.MonkeyPatch.context() as patch:
            arguments = ["export", tiny / "run", "--int8", "--max-loss", 100, "--out", out]
            assert run_main(patch, *arguments) == 0
    return out


@pytest.mark.parametrize("page", ["cli", "recipe_keys"])
def test_a_generated_page_is_what_its_generator_prints(page):
    """Make it again with `make docs`."""
    made = subprocess.run(
        [sys.executable, DOCS / f"make_{page}.py"], capture_output=True, text=True, check=True
    )
    assert (DOCS / f"{page}.md").read_text("utf-8") == made.stdout


def test_all_commands_of_the_manual_are_there():
    assert set(COMMANDS) >= {
        *GROUPS, "pld-tf distill", "pld-tf evaluate", "pld-tf compare",
        "pld-tf export", "pld-tf bench",
        "pld-tf data demo", "pld-tf data speech-commands", "pld-tf recipes", "pld-tf recipes show",
        "pld-tf reproduce paper",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - set(GROUPS)))
def test_help_explains_a_command_with_an_example_of_itself(name):
    text = COMMANDS[name]
    _, _, examples = text.partition("Example")
    assert f"\n    {name}" in examples
    assert len(text.splitlines()[2].strip()) > 20


@pytest.mark.parametrize("name", ["pld-tf", "pld-tf data", "pld-tf recipes", "pld-tf reproduce"])
def test_no_summary_is_cut_off_in_a_window_of_80_columns(name):
    command = typer.main.get_command(app)
    for part in name.split()[1:]:
        command = command.commands[part]
    context = command.context_class(command, info_name=name, terminal_width=80)
    assert "..." not in command.get_help(context).replace("ARGS]...", "")


def parameters(name: str) -> list:
    command = typer.main.get_command(app)
    for part in name.split()[1:]:
        command = command.commands[part]
    return command.params


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_is_explained_and_there_are_at_most_six(name):
    given = parameters(name)
    assert [each.name for each in given if not each.help] == []
    most = MORE_OPTIONS.get(name, 6)
    assert sum(each.param_type_name == "option" for each in given) <= most


def test_help_is_fast_because_it_loads_nothing_heavy():
    code = (
        "import sys\nfrom pld_tf.commands.main import main\nsys.argv = ['pld-tf', '--help']\n"
        "try:\n    main()\nfinally:\n    heavy = ('tensorflow', 'numpy', 'pydantic', 'rich')\n"
        "    print([name for name in heavy if name in sys.modules], len(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy, modules = done.stdout.splitlines()[-1].rsplit(" ", 1)
    assert heavy == "[]"
    assert int(modules) < 300  # today 190, 68 of which are Python's own


def test_the_version_is_the_packages(pld):
    assert pld("--version") == (0, f"pld-tf {importlib.metadata.version('pld-tf')}\n", "")


def test_no_command_prints_help(pld):
    code, out, err = pld()
    assert code == 2
    assert "Usage: " in out + err
    assert "distill" in out + err


def test_recipes_lists_every_recipe_with_its_description(pld):
    code, out, err = pld("recipes")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == recipe_names()


def test_recipes_show_prints_a_recipe_to_copy(pld):
    assert pld("recipes", "show", "smoke") == (0, recipe_text("smoke"), "")


def test_an_unknown_recipe_suggests_the_nearest(pld):
    assert "no recipe or file named 'smoek'; closest is 'smoke'" in refusal(
        pld("recipes", "show", "smoek")
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.batch_size=many", "training.batch_size must be a whole number, got 'many'"),
        ("training.batch_size=17", "training.batch_size must be a multiple of 16, got 17"),
        ("training.epochs=[1,2,3]", "epochs must hold 1 entry, or 2"),
        ("bacth_size=16", "unknown key 'bacth_size'; closest is 'training.batch_size'"),
        ("batch", "--set takes key=value, got 'batch'"),
        ("models.7.width=1", "'7' must be a number below 1"),
        ("ladder.input_lengths_ms=[500, 800]", "ladder.input_lengths_ms must fall"),
        ("models.0.family=ds_cn", "closest is 'ds_cnn'"),
        ("features.hop_ms=40", "hop_ms must be at most window_ms (30)"),
    ],
)
def test_a_wrong_override_is_refused_by_its_name(pld, tmp_path, override, message):
    options = ["--data", tmp_path, "--run-dir", tmp_path / "run", "--set", override]
    assert message in refusal(pld("distill", "smoke", *options))
    assert not (tmp_path / "run").exists()


def distill(pld, tiny, run_dir, *options, data=None) -> tuple[int, str, str]:
    return pld("distill", tiny / "tiny.toml", "-d", data or tiny / "tones", "-o", run_dir, *options)


def test_an_empty_folder_is_no_data(pld, tiny, tmp_path):
    (tmp_path / "empty").mkdir()
    said = refusal(distill(pld, tiny, tmp_path / "run", data=tmp_path / "empty"))
    assert "expected recorded words" in said
    assert "found nothing" in said


def test_a_misspelt_keyword_suggests_the_nearest(pld, tiny, tmp_path, tiny_cache):
    said = refusal(distill(pld, tiny, tmp_path / "run", "--set", "words.keywords=['one', 'tow']"))
    assert "closest is 'two'" in said


@pytest.fixture
def spoilt(tiny, tmp_path) -> Path:
    """The tiny corpus with two files that are no recordings."""
    data = tmp_path / "spoilt"
    shutil.copytree(tiny / "tones", data)
    (data / "one" / "text_nohash_0.wav").write_text("not audio")
    (data / "two" / "empty_nohash_0.wav").write_bytes(b"")
    return data


def test_corrupt_clips_stop_the_command_and_are_named(pld, tiny, tmp_path, spoilt):
    said = refusal(distill(pld, tiny, tmp_path / "run", data=spoilt))
    assert said.startswith("2 clips can't be read: one/text_nohash_0.wav: ")
    assert "two/empty_nohash_0.wav: " in said
    assert "--skip-bad" in said


def test_skip_bad_goes_on_without_them(pld, tiny, tmp_path, spoilt, monkeypatch):
    class Ladder:
        def __init__(self, *, store, **rest) -> None:
            self.clips = len(store.splits["train"])

        def untrained(self):
            raise AssertionError("nothing is to be finished")

        def climb(self, report):
            raise PldError(f"would train on {self.clips} clips.")

    monkeypatch.setattr(run_module, "Ladder", Ladder)
    code, out, err = distill(pld, tiny, tmp_path / "run", "--skip-bad", data=spoilt)
    assert (code, err) == (2, "pld-tf: would train on 36 clips.\n")
    assert "2 unreadable clips were left out." in out


def test_a_run_of_another_seed_is_refused(pld, tiny, tiny_cache):
    code, _, err = distill(pld, tiny, tiny / "run", "--seed", 5)
    assert code == 2
    assert err.startswith(f"pld-tf: {tiny / 'run'} was made with seed 0, now 5")


def test_a_finished_run_is_reported_again(pld, tiny, tiny_cache):
    code, out, err = distill(pld, tiny, tiny / "run")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "fewer than 10 clips" in lines[0]  # notes on the data come first
    assert lines[-3].startswith("rung 0 (1000 ms): student ")
    assert lines[-2].startswith("rung 1 (500 ms): student ")
    assert lines[-1] == f"model bundle: {tiny / 'run' / 'bundle'}"


def test_evaluate_prints_json_for_machines(pld, tiny, tiny_cache):
    code, out, err = pld("evaluate", tiny / "run", "--data", tiny / "tones", "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert set(report["protocols"]) == {"centre", "random", "loudest", "sliding"}
    assert report["rung"] == 1


def test_evaluate_prints_tables_for_people(pld, tiny, tiny_cache):
    code, out, _ = pld("evaluate", tiny / "run", "-d", tiny / "tones", "--rung", 0)
    assert code == 0
    assert out.startswith(f"{tiny / 'run'}, rung 0 (1000 ms), ")
    assert "16 test clips" in out


def test_evaluate_refuses_a_rung_out_of_range(pld, tiny, tiny_cache):
    said = refusal(pld("evaluate", tiny / "run", "-d", tiny / "tones", "--rung", 2))
    assert said.startswith("--rung must be 0 to 1")


def test_evaluate_refuses_a_folder_that_is_no_run(pld, tiny):
    assert "is no run folder" in refusal(pld("evaluate", tiny / "tones", "-d", tiny / "tones"))


def test_a_bundle_goes_from_export_to_bench(pld, tiny, exported, tmp_path, tiny_cache):
    """The keys are those that issue 2 names."""
    out_file = tmp_path / "report"
    options = ["--data", tiny / "tones", "--json", "--out", out_file]
    code, out, _ = pld("bench", exported, *options)
    assert code == 0
    report = json.loads(out)
    assert set(report) >= {"model", "targets", "accuracy"}
    latency = report["targets"]["tflite"]["latency_ms"]
    assert 0 < latency["median"] <= latency["p90"] <= latency["p99"]
    assert report["targets"]["tflite_float"]["latency_ms"]["median"] > 0
    accuracy = report["accuracy"]
    assert (accuracy["protocol"], accuracy["clips"]) == ("loudest", 16)
    for share in ("float", "int8", "agreement"):
        assert 0 <= accuracy[share] <= 1
    assert json.loads(out_file.with_suffix(".json").read_text()) == report
    assert "int8" in out_file.with_suffix(".md").read_text()


def test_bench_finds_the_accuracy_that_evaluate_finds(pld, tiny, exported, tiny_cache):
    _, out, _ = pld("evaluate", tiny / "run", "-d", tiny / "tones", "--json")
    for protocol, evaluated in json.loads(out)["protocols"].items():
        _, out, _ = pld("bench", exported, "-d", tiny / "tones", "--protocol", protocol, "--json")
        assert json.loads(out)["accuracy"]["float"] == pytest.approx(evaluated["accuracy"])


def test_bench_on_other_data_leaves_out_what_the_bundle_knows(pld, tiny, exported, tmp_path):
    """Of three clips of "one", one is of training; the bundle carries hashes from the run."""
    own = tmp_path / "own" / "one"
    own.mkdir(parents=True)
    for number, name in enumerate(("train00", "test00", "test01")):
        shutil.copy(tiny / "tones" / "one" / f"{name}_nohash_0.wav", own / f"{number}.wav")
    out_file = tmp_path / "it's a report"
    options = ["--data", tmp_path / "own", "--json", "--out", out_file]
    code, out, err = pld("bench", exported, *options)
    assert code == 0, err
    report = json.loads(out)
    other = report["accuracy"]["other_data"]
    assert (other["clips"], other["known_clips"], other["missing_keywords"]) == (3, 1, ["two"])
    assert report["accuracy"]["clips"] == 2 + 2  # and silence
    assert "is not the data that" in err
    page = out_file.with_suffix(".md").read_text()
    assert other["notes"][0] in page
    (line,) = [line for line in page.splitlines() if line.startswith("    pld-tf bench")]
    assert shlex.split(line) == ["pld-tf", "bench", str(exported), *map(str, options)]


def test_a_lone_tflite_is_benched_without_accuracy(pld, exported):
    code, out, _ = pld("bench", exported / "model.tflite", "--json")
    assert code == 0
    report = json.loads(out)
    assert report["accuracy"] is None
    assert report["model"]["kind"] == "int8"
    assert list(report["targets"]) == ["tflite"]


def test_a_lone_tflite_has_no_features_to_test_with(pld, tiny, exported):
    said = refusal(pld("bench", exported / "model.tflite", "--data", tiny / "tones"))
    assert "does not say which features" in said


def test_the_help_of_bench_names_targets_that_exist():
    from firmware_harness.bench.bench import check_targets
    from firmware_harness.errors import HarnessError

    named = set(re.findall(r"--target ([\w-]+)", COMMANDS["pld-tf bench"])) - {"NAME"}
    assert named == {"tflite", "tflm", "cortex-m4", "ethos-u55-128"}
    for name in named:
        try:
            check_targets([name])
        except HarnessError as error:
            assert "pip install " in str(error) or "Debian package" in str(error)


def test_bench_says_what_a_missing_extra_is_called(pld, exported, monkeypatch):
    monkeypatch.setattr("firmware_harness.runtimes.tflm.PACKAGE", "no-such-package")
    said = refusal(pld("bench", exported, "--target", "tflm"))
    assert said.endswith("which is not installed: pip install 'tflite-micro==0.dev20261023182759'.")


def test_bench_refuses_a_target_that_is_none(pld, exported):
    said = refusal(pld("bench", exported, "--target", "ethos-u55-100"))
    assert said.startswith("--target must be one of tflite, tflm, host, cortex-m4, ")


def test_bench_measures_the_arena_that_export_wrote_down(pld, exported):
    pytest.importorskip("tflite_micro", reason="needs the extra tflm: tflite-micro")
    code, out, _ = pld("bench", exported, "--target", "tflm", "--json")
    assert code == 0
    target = json.loads(out)["targets"]["tflm"]
    arena = json.loads((exported / "manifest.json").read_text())["arena"]
    names = {"bytes": "arena_bytes", "head_bytes": "arena_head_bytes", "version": "version"}
    assert {name: target[key] for name, key in names.items()} == {
        name: arena[name] for name in names
    }
    assert set(target["inputs_from"]) == {"golden", "validation"}
    assert target["compared_bytes"] > 0
    assert set(target["mismatches_by_steps"]) <= {"1"}


def test_a_file_that_is_no_tflite_is_refused(pld, tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"no model at all")
    assert "model.tflite" in refusal(pld("bench", tmp_path / "model.tflite"))


def test_a_bundle_with_a_changed_byte_is_refused(pld, exported, tmp_path):
    shutil.copytree(exported, tmp_path / "bundle")
    model = tmp_path / "bundle" / "model.tflite"
    content = np.frombuffer(model.read_bytes(), np.uint8).copy()
    content[-1] ^= 1
    model.write_bytes(content.tobytes())
    assert "model.tflite" in refusal(pld("bench", tmp_path / "bundle"))


def test_two_kinds_at_once_are_refused(pld, tiny, tmp_path):
    said = refusal(pld("export", tiny / "run", "--int8", "--float", "-o", tmp_path / "out"))
    assert said == "--int8 and --float exclude each other; give one of them."


def test_a_mistake_of_ours_is_no_line_but_a_traceback(monkeypatch):
    def fail(name: str) -> str:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("pld_tf.recipe.load.recipe_text", fail)
    monkeypatch.setattr(sys, "argv", ["pld-tf", "recipes", "show", "smoke"])
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        main.main()


def test_ctrl_c_ends_with_130_and_one_line(pld, monkeypatch):
    def stop(name: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("pld_tf.recipe.load.recipe_text", stop)
    assert pld("recipes", "show", "smoke") == (130, "", "pld-tf: stopped.\n")
