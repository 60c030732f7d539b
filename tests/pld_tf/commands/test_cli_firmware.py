"""From a run to words heard: the commands export, bench, tune, listen and flash on one bundle."""

import json
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import harness_firmware as stub
import numpy as np
import pytest
from html_page import elements
from places import GOLDEN
from tiny_corpus import RATE
from tiny_tflite import add_of_two, one_operator, tensor

from pld_tf.commands import main


def run_main(patch: pytest.MonkeyPatch, *arguments: object) -> int:
    patch.setattr(sys, "argv", ["pld-tf", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return ended.value.code or 0


VALUE = {"class": "value"}  # of a figure in the headline row of a page


@pytest.fixture(scope="module")
def exported(tiny, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        limits = ["--max-loss", 100, "--max-flips", 100]
        assert run_main(patch, "export", tiny / "run", "--layers", *limits, "--out", out) == 0
    return out


@pytest.fixture(scope="module")
def manifest(exported):
    return json.loads((exported / "manifest.json").read_text())


def test_a_bundle_holds_all_c_from_samples_to_words(exported):
    names = {path.relative_to(exported).as_posix() for path in exported.rglob("*")}
    assert names >= {
        "kws.c", "kws.h", "kws_decision.c", "kws_decision.h", "kws_decision_config.h",
        "examples/kws_example.c", "kws_memory.c", "kws_memory.h",
        "kws_feature_spec.h", "kws_frontend.c", "kws_frontend.h",
        "kws_frontend_tables.c", "kws_frontend_tables.h", "kws_labels.h", "kws_model.c",
        "kws_model.h", "kws_model_tflm.cc", "quantization.json",
    }  # fmt: skip


def test_the_manifest_tells_of_the_c_and_of_a_decision_that_nobody_has_tuned(manifest):
    layers = manifest["c_model"]["layers"]
    assert [layer["operator"] for layer in layers].count("FULLY_CONNECTED") == 1
    assert sum(layer["macs"] for layer in layers) == manifest["model"]["macs"]
    assert manifest["c_model_refused"] is None
    assert manifest["decision"]["thresholds"] == {"one": 26214, "two": 26214}
    assert manifest["decision"]["tuned"] is None


@stub.needs_compiler
def test_the_gate_ran_every_stage_and_the_c_has_tflite_micros_bytes(manifest):
    pytest.importorskip("tflite_micro", reason="needs the extra tflm: tflite-micro")
    rows = {(row["stage"], row["what"], row["crops_from"]): row
            for row in manifest["validation"]["stages"]}  # fmt: skip
    assert manifest["validation"]["stages_skipped"] == {}
    for crops_from in ("validation", "golden"):
        row = rows["generated C", "logits", crops_from]
        assert (row["against"], row["differing"], row["flipped"]) == ("TFLite Micro", 0, 0)
    features = rows["audio through C", "features", "golden"]
    assert set(features["by_steps"]) <= {"1"}
    assert features["differing"] <= 0.02 * features["values"]


@pytest.mark.slow
@stub.needs_compiler
def test_accuracy_from_the_samples_on_is_that_of_tensorflows_features(
    pld, tiny, exported, tiny_cache
):
    code, out, _ = pld("bench", exported, "-d", tiny / "tones", "--target", "host", "--json")
    assert code == 0
    accuracy = json.loads(out)["accuracy"]
    assert accuracy["audio_through_c"] == pytest.approx(accuracy["int8"], abs=0.1)
    assert set(accuracy["intervals"]) == {"int8", "float", "audio_through_c"}


@stub.needs_compiler
def test_without_the_host_target_nothing_is_heard(pld, tiny, exported, tiny_cache, tmp_path):
    page = tmp_path / "bench.html"
    code, out, _ = pld("bench", exported, "-d", tiny / "tones", "--json", "--html", page)
    assert code == 0
    accuracy = json.loads(out)["accuracy"]
    assert "audio_through_c" not in accuracy
    first = next(each for each in elements(page.read_text()) if each.attributes == VALUE)
    assert first.text == f"{100 * accuracy['int8']:.1f} %"


@stub.needs_compiler
def test_tune_changes_the_decision_alone_and_listen_hears_with_it(
    pld, tiny, exported, tiny_cache, tmp_path
):
    bundle = tmp_path / "bundle"
    shutil.copytree(exported, bundle)
    code, out, _ = pld("tune", bundle, "-d", tiny / "tones", "--hours", 0.02, "--json")
    assert code == 0
    tuned = json.loads((bundle / "manifest.json").read_text())["decision"]
    assert tuned["tuned"] == json.loads(out)["tuned"] | {"data_key": tuned["tuned"]["data_key"]}
    changed = {
        path.name
        for path in bundle.rglob("*.*")
        if path.read_bytes() != (exported / path.relative_to(bundle)).read_bytes()
    }
    assert changed == {"manifest.json", "kws_decision_config.h"}
    stream = tmp_path / "s.wav"
    assert pld("data", "stream", stream, "-b", bundle, "-d", tiny / "tones")[0] == 0
    code, out, _ = pld("listen", stream, "-b", bundle, "--words", tmp_path / "s.csv", "--json")
    report = json.loads(out)
    assert (code, report["keywords_spoken"]) == (0, report["false_rejects"] + _heard(report))


@pytest.mark.slow
@stub.needs_compiler
def test_a_report_joins_a_bundle_with_its_run_and_counts_misses_as_listen_does(
    pld, tiny, exported, tiny_cache, tmp_path
):
    page, wav, data = tmp_path / "r.html", tmp_path / "s.wav", tiny / "tones"
    code, _, _ = pld("report", exported, tiny / "run", "-d", data, "--hours", 0.02, "-o", page)
    assert code == 0
    found = elements(page.read_text())
    assert [each.text for each in found if each.tag == "h1"] == ["tiny, seed 0"]
    value = {
        term.text: definition.text
        for term, definition in pairwise(found)
        if (term.tag, definition.tag) == ("dt", "dd")
    }
    assert pld("data", "stream", wav, "-b", exported, "-d", data, "--seconds", 72)[0] == 0
    listen = pld("listen", wav, "-b", exported, "--words", tmp_path / "s.csv", "--json")
    report = json.loads(listen[1])
    missed = report["false_rejects"] / report["keywords_spoken"]
    assert value["keywords missed"] == f"{100 * missed:.1f} %"
    assert value["accuracy"].endswith(" %")


def _heard(report) -> int:
    return sum(
        row["detected_s"] is not None and row["said_s"] is not None for row in report["words"]
    )


@stub.needs_compiler
def test_silence_is_no_word(pld, exported, tmp_path):
    import wave

    with wave.open(str(tmp_path / "silence.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.zeros(5 * RATE, "<i2").tobytes())
    assert pld("listen", tmp_path / "silence.wav", "-b", exported)[:2] == (0, "")


# --- models from elsewhere ---


def from_tflite(pld, model: Path, out: Path) -> tuple[int, str, str]:
    return pld("export", "--from-tflite", model, "--out", out)


def test_the_plan_of_the_c_is_explained(pld, tmp_path):
    out, model = tmp_path / "bundle", GOLDEN / "int8.tflite"
    choices = ("--optimize", "size", "--explain")
    code, said, _ = pld("export", "--from-tflite", model, "--out", out, *choices)
    assert code == 0
    made = json.loads((out / "manifest.json").read_text())["c_model"]
    assert made["optimize"] == "size"
    rows = [line.split() for line in said.splitlines()[1 : 1 + len(made["layers"])]]
    assert [row[:2] for row in rows] == [
        [layer["function"], layer["kernel"] or "portable"] for layer in made["layers"]
    ]
    assert "good at size" in said


def test_a_model_from_elsewhere_becomes_a_bundle_that_can_be_benched(pld, tmp_path):
    out = tmp_path / "bundle"
    code, said, _ = from_tflite(pld, GOLDEN / "int8.tflite", out)
    assert code == 0
    assert said.startswith(f"{out}: int8, ")
    made = json.loads((out / "manifest.json").read_text())
    assert (out / "model.tflite").read_bytes() == (GOLDEN / "int8.tflite").read_bytes()
    assert (made["recipe"], made["decision"], made["validation"]) == (None, None, None)
    assert {"kws_model.c", "kws_model_data.c", "kws_ops.h"} <= set(made["files"])
    assert "kws.c" not in made["files"]
    code, report, _ = pld("bench", out, "--json")
    assert (code, json.loads(report)["model"]["name"]) == (0, "bundle")


@stub.needs_compiler
def test_its_c_was_held_against_tflite_micro(pld, tmp_path):
    pytest.importorskip("tflite_micro", reason="needs the extra tflm: tflite-micro")
    _, said, _ = from_tflite(pld, GOLDEN / "int8.tflite", tmp_path / "bundle")
    assert "generated C against TFLite Micro, model: 0 of " in said
    assert "generated C against TFLite Micro, layers apart: 0 of " in said


def test_an_int8_network_with_float_ends_becomes_c(pld, tmp_path):
    out = tmp_path / "bundle"
    code, _, said = from_tflite(pld, GOLDEN / "int8_float_io.tflite", out)
    assert code == 0
    assert "took QUANTIZE and DEQUANTIZE off the ends: give and take int8" in said
    made = json.loads((out / "manifest.json").read_text())
    assert made["ends_taken_off"] == ["QUANTIZE", "DEQUANTIZE"]
    assert {made["model"][end]["dtype"] for end in ("input", "output")} == {"int8"}
    assert "#define KWS_MODEL_INPUT_SCALE 0." in (out / "kws_model.h").read_text()


@stub.needs_compiler
@pytest.mark.parametrize("target", ["host", pytest.param("cortex-m4", marks=stub.needs_qemu)])
def test_a_bundle_of_another_prefix_is_benched(pld, target, tmp_path):
    out = tmp_path / "bundle"
    assert (
        pld("export", "--from-tflite", GOLDEN / "int8.tflite", "--prefix", "vad", "-o", out)[0] == 0
    )
    names = {path.relative_to(out).as_posix() for path in out.rglob("*.[ch]*")}
    assert {"vad_model.c", "vad_model.h", "examples/vad_model_example.c"} < names
    assert not [name for name in names if "kws" in name]
    code, said, _ = pld("bench", out, "--target", target, "--layers", "--json")
    assert code == 0
    report = json.loads(said)["targets"][target]
    assert (report["inputs"], report["mismatched_bytes"]) == (200, 0)


def test_a_float_model_is_refused_and_nothing_is_written(pld, tmp_path):
    code, _, said = from_tflite(pld, GOLDEN / "float.tflite", tmp_path / "bundle")
    assert code == 2
    assert "computes in float (CONV_2D, " in said
    assert "full integer quantization" in said
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_two_inputs_is_refused(pld, tmp_path):
    (tmp_path / "add.tflite").write_bytes(add_of_two([1, 4]))
    code, _, said = from_tflite(pld, tmp_path / "add.tflite", tmp_path / "bundle")
    assert code == 2
    assert "must have one input and one output" in said


def test_c_with_other_bytes_than_tflite_micro_is_refused(tmp_path):
    from export.errors import ExportError
    from export.jobs.from_tflite import export_tflite
    from export.ports import Harness, Stage, Stages
    from export.tflite.facts import inspect

    classes = inspect(GOLDEN / "int8.tflite").output.shape[-1]

    def outputs(value):
        return lambda folder, inputs: np.full((len(inputs), classes), value, np.int8)

    stages = Stages(
        models=(
            Stage(name="right", against=(), run=outputs(1), exact=True),
            Stage(name="wrong", against=("right",), run=outputs(2), exact=True),
        )
    )
    with pytest.raises(ExportError, match="wrong gives other bytes than right for"):
        export_tflite(
            GOLDEN / "int8.tflite",
            out=tmp_path / "bundle",
            harness=lambda: Harness(stages=stages),
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["RUN", "--from-tflite", "m.tflite", "--out", "b"], "exclude each other"),
        (["--from-tflite", "m.tflite"], "--out is missing"),
        (["--out", "b"], "RUN is missing"),
        (["--from-tflite", "m", "--out", "b", "--int16x8"], "--int16x8 has no effect"),
        (["--from-tflite", "m", "--out", "b", "--rung", "1"], "--rung has no effect"),
        (["--from-tflite", "m", "--out", "b", "--max-flips", "1"], "--max-flips has no effect"),
        (["smoke", "--preflight", "--out", "b"], "--out has no effect with --preflight"),
        (["RUN", "--float", "--layers", "--out", "b"], "leave it out with --float"),
    ],
)
def test_options_that_do_not_go_together_are_refused(pld, arguments, reason):
    code, _, said = pld("export", *arguments)
    assert code == 2
    assert reason in said


def test_a_model_with_a_layer_without_code_keeps_the_interface_on_tflite_micro():
    from export.c_code.files import model_c_or_tflm

    made = model_c_or_tflm(one_operator("ABS", [tensor([1, 4])] * 2, inputs=1))
    assert made.entry is None
    assert made.refused is not None
    assert made.refused.startswith("ABS (layer 0, 'tensor of [1, 4]') cannot become C code")
    assert sorted(made.texts) == ["kws_model.h", "kws_model_tflm.cc"]
    assert "kws_model_tflm.cc computes it with TFLite Micro: " in made.texts["kws_model.h"]
