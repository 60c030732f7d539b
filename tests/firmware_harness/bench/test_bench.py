import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from places import GOLDEN, SHARED

from firmware_harness.bench import bench
from firmware_harness.bench.bench import Examples, bench_tflite
from firmware_harness.errors import HarnessError
from firmware_harness.report.page import render_markdown, report_paths, write_report
from firmware_harness.system.own_files import LIST_NAME

SHARED = SHARED / "models"
FEW = {"runs": 5, "warmup": 1}


def write_bundle(folder, *, kind="int8", model="int8.tflite"):
    folder.mkdir()
    sources = {"model.tflite": GOLDEN / model, "model_float.tflite": GOLDEN / "float.tflite"}
    files = {}
    for name, source in sources.items():
        content = source.read_bytes()
        (folder / name).write_bytes(content)
        files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    origin = {"recipe": {}, "data_key": "corpus", "rung": 0, "length_ms": 500}
    manifest = {"format": 1, "kind": kind, "recipe_name": "tiny", "commit": "c0ffee", **origin}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "files": files}))
    return folder


def examples(frames=6):
    generator = np.random.default_rng(4)
    return Examples(
        features=generator.standard_normal((30, frames, 4)).astype(np.float32),
        labels=generator.integers(0, 3, 30).astype(np.int32),
        protocol="loudest",
        clips=30,
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("bench") / "bundle")


@pytest.fixture(scope="module")
def report(bundle):
    return bench_tflite(bundle, examples=examples(), command="pld-tf bench bundle", **FEW)


def test_the_model_section_describes_the_int8_file(report):
    model = report["model"]
    assert model["sha256"] == hashlib.sha256((GOLDEN / "int8.tflite").read_bytes()).hexdigest()
    assert model["bytes"] == (GOLDEN / "int8.tflite").stat().st_size
    assert model["float_bytes"] == (GOLDEN / "float.tflite").stat().st_size
    assert (model["macs"], model["parameters"], model["kind"]) == (873, 72, "int8")
    names = ["CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "FULLY_CONNECTED"]
    assert model["operators"] == [{"name": name, "count": 1} for name in names]
    assert model["input"]["shape"] == [1, 6, 4, 1]
    assert model["output"]["dtype"] == "int8"
    assert (model["recipe_name"], model["commit"]) == ("tiny", "c0ffee")


def test_both_models_are_timed_and_their_medians_compared(report):
    targets = report["targets"]
    int8, plain = targets["tflite"], targets["tflite_float"]
    for target in (int8, plain):
        latency = target["latency_ms"]
        assert (latency["runs"], latency["warmup"]) == (5, 1)
        assert 0 < latency["median"] <= latency["p90"] <= latency["p99"]
        assert (target["resolver"], target["delegate"], target["threads"]) == (
            "default",
            "XNNPACK",
            1,
        )
    expected = int8["latency_ms"]["median"] / plain["latency_ms"]["median"]
    assert int8["ratio_to_float"] == pytest.approx(expected)


def test_accuracy_stands_beside_latency(report):
    accuracy = report["accuracy"]
    assert (accuracy["clips"], accuracy["protocol"]) == (30, "loudest")
    assert 0 <= accuracy["int8"] <= 1 and 0 <= accuracy["float"] <= 1
    assert accuracy["agreement"] > 0.8
    assert accuracy["max_logit_difference_steps"] > 0


def test_without_examples_there_is_no_accuracy(bundle):
    assert bench_tflite(bundle, examples=None, **FEW)["accuracy"] is None


def test_resolver_and_threads_are_those_asked_for(bundle):
    report = bench_tflite(bundle, examples=None, resolver="reference", threads=2, **FEW)
    target = report["targets"]["tflite"]
    assert (target["resolver"], target["delegate"], target["threads"]) == ("reference", "none", 2)


def test_a_float_bundle_is_measured_once_as_float(tmp_path):
    folder = write_bundle(tmp_path / "bundle", kind="float", model="float.tflite")
    report = bench_tflite(folder, examples=examples(), **FEW)
    assert list(report["targets"]) == ["tflite"]
    assert "ratio_to_float" not in report["targets"]["tflite"]
    assert "float" in report["accuracy"] and "int8" not in report["accuracy"]


def stand_in(monkeypatch):
    """Figures in place of TFLite Micro and Vela, which are extras."""
    tflm = {
        "version": "1.0", "arena_bytes": 10_528, "arena_head_bytes": 1_968,
        "arena_tail_bytes": 8_272, "arena_tail_parts": {"data": 8_000}, "inputs": 200,
        "inputs_from": {"random": 200}, "compared_bytes": 600, "mismatched_bytes": 2,
        "mismatched_inputs": 1, "mismatches_by_steps": {"1": 2}, "explanation": "Rounded twice.",
    }  # fmt: skip
    vela = {
        "version": "5.2.0", "system_config": "S", "memory_mode": "M", "clock_hz": 500_000_000,
        "cycles": 89_900, "npu_cycles": 88_902, "sram_bytes": 22_192,
        "off_chip_flash_bytes": 31_104, "macs": 1, "cpu_operators": [{"name": "TILE", "count": 2}],
    }  # fmt: skip
    monkeypatch.setattr(bench, "require_tflm", lambda: "1.0")
    monkeypatch.setattr(bench, "require_vela", lambda: "5.2.0")
    monkeypatch.setattr(bench, "tflm_target", lambda *_, **__: tflm)
    monkeypatch.setattr(bench, "compile_for", lambda *_: vela)
    return {"tflm": tflm, "ethos-u55-128": vela}


def test_only_the_targets_asked_for_are_measured(bundle, monkeypatch):
    expected = stand_in(monkeypatch)
    report = bench_tflite(bundle, examples=None, targets=list(expected), **FEW)
    assert report["targets"] == expected
    both = bench_tflite(bundle, examples=None, targets=["tflm", "tflite"], **FEW)
    assert list(both["targets"]) == ["tflite", "tflite_float", "tflm"]


def test_the_page_of_device_targets_has_no_latency_but_arena_and_cycles(bundle, monkeypatch):
    expected = stand_in(monkeypatch)
    page = render_markdown(bench_tflite(bundle, examples=None, targets=list(expected), **FEW))
    assert "Latency" not in page
    for line in (
        "| smallest arena | 10,528 bytes |",
        "| head, shared by tensors | 1,968 bytes |",
        "| tail, persistent | 8,272 bytes |",
        "2 of 600, in 1 of 200 inputs (200 random) |",
        "Rounded twice.",
        "| ethos-u55-128 | 89,900 | 88,902 | 500 | 22,192 bytes | 31,104 bytes | 2 TILE |",
    ):
        assert line in page


def test_an_unknown_target_is_refused_with_the_list():
    with pytest.raises(HarnessError, match=r"one of tflite, tflm, host, cortex-m4, .*got 'tfml'"):
        bench_tflite(GOLDEN / "int8.tflite", examples=None, targets=["tfml"])


@pytest.mark.parametrize("target", ["tflm", "ethos-u55-128"])
def test_a_float_model_is_refused_for_a_device(target, monkeypatch):
    if target != "tflm":
        stand_in(monkeypatch)
    monkeypatch.setattr("firmware_harness.bench.tflm.require_tflm", lambda: "1.0")
    monkeypatch.setattr(bench, "require_tflm", lambda: "1.0")
    with pytest.raises(HarnessError, match=f"--target {target} needs integers"):
        bench_tflite(GOLDEN / "float.tflite", examples=None, targets=[target], **FEW)


@pytest.mark.parametrize(
    ("name", "kind"), [("int8.tflite", "int8"), ("float.tflite", "float"), ("lstm.tflite", "float")]
)
def test_a_lone_tflite_is_timed_and_counted(name, kind):
    report = bench_tflite(GOLDEN / name, examples=None, **FEW)
    assert (report["model"]["name"], report["model"]["kind"]) == (name, kind)
    assert report["model"]["float_bytes"] is None
    assert list(report["targets"]) == ["tflite"]
    assert report["targets"]["tflite"]["latency_ms"]["median"] > 0


def test_progress_reaches_the_end_of_both_phases(bundle):
    seen = []
    bench_tflite(bundle, examples=examples(), progress=lambda *step: seen.append(step), **FEW)
    assert [step for step in seen if step[1] == step[2]] == [
        ("latency", 6, 6),
        ("accuracy", 60, 60),
    ]


def test_examples_for_another_model_are_refused(bundle):
    with pytest.raises(HarnessError, match=r"but a crop's features are \[7, 4\]"):
        bench_tflite(bundle, examples=examples(frames=7), **FEW)


def test_a_text_file_is_refused(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_text("a text file, longer than a header")
    with pytest.raises(HarnessError, match=r"is not a \.tflite file"):
        bench_tflite(path, examples=None)


def test_the_mlperf_tiny_keyword_model_can_be_measured():
    path = SHARED / "mlperf_tiny_kws_ref_model.tflite"
    if not path.is_file():
        pytest.skip("the MLPerf Tiny model is not beside the repository, in ../shared/models")
    model = bench_tflite(path, examples=None, **FEW)["model"]
    assert (model["macs"], model["bytes"], model["kind"]) == (2_656_768, 53_936, "int8")


def test_json_holds_the_report_and_markdown_its_page(report, tmp_path):
    json_path, markdown_path = write_report(report, tmp_path / "new" / "bench.v1")
    assert (json_path.name, markdown_path.name) == ("bench.v1.json", "bench.v1.md")
    assert json.loads(json_path.read_text(encoding="utf-8")) == report
    assert markdown_path.read_text(encoding="utf-8") == render_markdown(report)
    names = {path.name for path in json_path.parent.iterdir()}
    assert names == {"bench.v1.json", "bench.v1.md", LIST_NAME}  # nothing unfinished stays


@pytest.mark.parametrize("name", ["out", "out.json", "out.md"])
def test_an_ending_of_the_report_path_is_dropped(report, tmp_path, name):
    paths = write_report(report, tmp_path / name)
    assert [path.name for path in paths] == ["out.json", "out.md"]


@pytest.mark.parametrize("name", ["r.json", "r.md"])
def test_a_report_replaces_its_own_files_and_no_others(tmp_path, name):
    write_report(known_report(), tmp_path / "r")
    write_report(known_report(), tmp_path / "r")
    (tmp_path / name).write_text("notes of the user")
    with pytest.raises(
        HarnessError, match=rf"{name} exists, and pld-tf did not write it, or it was"
    ):
        report_paths(tmp_path / "r")
    with pytest.raises(HarnessError, match="nothing was written"):
        write_report(known_report(), tmp_path / "r")
    assert (tmp_path / name).read_text() == "notes of the user"


def test_the_command_in_a_report_keeps_its_quotes():
    command = "pld-tf bench 'my  bundle' --data '/a b/c'"
    assert f"\n    {command}\n" in render_markdown(known_report() | {"command": command})


def test_a_report_on_other_data_says_so():
    report = known_report()
    notes = ["own is not the data that b was trained on.", "No clip of 1 of 2 keywords: no."]
    report["accuracy"]["other_data"] = {"notes": notes}
    page = render_markdown(report)
    assert all(note in page for note in notes)


def test_a_report_path_that_cannot_be_written_is_refused(report, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileExistsError, match=f"{tmp_path}/file"):
        write_report(report, tmp_path / "file" / "bench")


@pytest.mark.parametrize("name", [".json", ".", ""])
def test_a_report_path_without_a_name_is_refused(report, name):
    with pytest.raises(HarnessError, match="needs a file name"):
        write_report(report, Path(name))


def known_report():
    """Round figures, so that the page can be compared by eye."""
    tensor = {"shape": [1, 24, 40, 1], "dtype": "int8", "scale": 0.5, "zero_point": -3}
    latency = {"median": 0.05, "p90": 0.0625, "p99": 0.125, "runs": 300, "warmup": 30}
    target = {"resolver": "default", "delegate": "XNNPACK", "threads": 1, "latency_ms": latency}
    return {
        "format": 1,
        "model": {
            "name": "odd|name\nhere",
            "file": "model.tflite",
            "kind": "int8",
            "recipe_name": None,
            "commit": None,
            "refused": None,
            "sha256": "ab" * 32,
            "bytes": 53936,
            "float_bytes": 123456,
            "macs": 2656768,
            "parameters": 22604,
            "operators": [{"name": "CONV_2D", "count": 5}, {"name": "MEAN", "count": 1}],
            "input": tensor,
            "output": {"shape": [1, 12], "dtype": "float32", "scale": 0.0, "zero_point": 0},
        },
        "targets": {"tflite": {**target, "ratio_to_float": 0.5}, "tflite_float": target},
        "accuracy": {
            "protocol": "loudest",
            "clips": 1234,
            "recordings": {
                "of_keywords": 1000,
                "keywords": 7,
                "all_keywords": 8,
                "of_other_words": 99,
                "speakers": None,
            },
            "crops": 1234,
            "float": 0.925,
            "int8": 0.92345,
            "intervals": {"float": [0.9, 0.95], "int8": [0.89, 0.94]},
            "agreement": 0.99,
            "max_logit_difference_steps": 3.5,
        },
        "machine": {"cpu": "C", "cores": 2, "os": "O", "python": "3.11.7", "packages": {"p": "1"}},
        "commit": None,
        "command": "pld-tf bench B\n--data D",
    }


def test_the_page_gives_percent_and_thousands():
    page = render_markdown(known_report())
    for line in (
        "# Bench report: odd\\|name here",
        "| size | 53,936 bytes |",
        "| size of the float model | 123,456 bytes |",
        "| MACs | 2,656,768 |",
        "| operators | 5 CONV_2D, 1 MEAN |",
        "| input | int8 1 x 24 x 40 x 1, scale 0.5, zero point -3 |",
        "| output | float32 1 x 12 |",
        "| TFLite | default | XNNPACK | 1 | 0.050 | 0.062 | 0.125 |",
        "| int8 | 92.34 % | 89.00 % to 94.00 % |",
        "| float | 92.50 % | 90.00 % to 95.00 % |",
        "| CPU | C, 2 core(s) usable |",
        "| commit | unknown (not a git checkout) |",
        "    pld-tf bench B --data D",
    ):
        assert line in page.splitlines()
    heard = "from 1,000 recordings of 7 of 8 keywords and 99 of other words (speakers: not named)"
    assert f"1,234 crops of 1,234 clips, {heard}, protocol loudest." in page
    assert "Median against float: 0.50 times." in page
    assert "Same class from both models: 99.00 %." in page
    assert "Largest logit difference: 3.50 output steps." in page
    assert "recipe" not in page


def test_the_page_says_that_export_refused_the_model():
    report = known_report()
    report["model"]["refused"] = "it loses 3 points."
    assert "| refused by pld-tf export | it loses 3 points. |" in render_markdown(report)


def test_a_refused_bundle_is_measured_and_the_report_says_why_it_was_refused(bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "kept")
    path = tmp_path / "kept" / "manifest.json"
    refused = {
        "faults": [{"stage": "int8", "why": "int8 loses 3 points."}],
        "command": "pld-tf export",
    }
    path.write_text(json.dumps(json.loads(path.read_text()) | {"refused": refused}))
    report = bench_tflite(tmp_path / "kept", examples=None, **FEW)
    assert report["model"]["refused"].startswith("int8 loses 3 points. ")


def test_the_page_of_a_lone_model_leaves_out_what_was_not_measured():
    report = known_report()
    del report["targets"]["tflite_float"], report["targets"]["tflite"]["ratio_to_float"]
    report.update(accuracy=None, command=None)
    page = render_markdown(report)
    assert "Accuracy" not in page and "Command" not in page and "against float" not in page
    assert "\n\n\n" not in page
