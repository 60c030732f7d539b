"""The command report: what it refuses, and a run on its page."""

import hashlib
import json

import pytest
import report_facts as made
from command_line import refusal
from html_page import elements

from pld_tf.system.own_files import record_files


def refused(pld, *arguments: object) -> str:
    return refusal(pld("report", *arguments))


def test_what_is_no_run_and_no_bundle_is_named(pld, tmp_path, corpus_root):
    assert refused(pld, tmp_path / "absent", "-d", corpus_root).startswith(
        f"expected a firmware bundle or a .tflite file, but {tmp_path / 'absent'} is neither."
    )
    (tmp_path / "model.tflite").write_bytes(bytes(20))
    said = refused(pld, tmp_path / "model.tflite", "-d", corpus_root)
    assert said.endswith("is a file. Give run folders and firmware bundles.")


def test_a_run_needs_clips_to_be_tested_on(pld, tiny, tmp_path):
    said = refused(pld, tiny / "run", "-o", tmp_path / "r.html")
    assert said == f"{tiny / 'run'} is tested on clips. Name their corpus: --data DIR."
    assert not (tmp_path / "r.html").exists()


def test_a_page_that_somebody_else_wrote_stays(pld, tiny, tmp_path):
    out = tmp_path / "r.html"
    out.write_text("mine")
    assert "pld-tf did not write it" in refused(pld, tiny / "run", "-d", tiny / "tones", "-o", out)
    assert out.read_text() == "mine"


def test_a_bundle_that_was_not_made_from_a_run_is_refused(pld, tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(40))
    content = (tmp_path / "model.tflite").read_bytes()
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    manifest = {"format": 1, "kind": "int8", "recipe": None, "files": {"model.tflite": entry}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert "was not made from a run" in refused(pld, tmp_path)


def reproduction(folder, **changes: object):
    """A folder of pld-tf reproduce paper, as far as its page needs it."""
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"kind": "paper"}))
    report = made.paper().report.model_dump(mode="json") | changes
    (folder / "paper.json").write_text(json.dumps(report))
    return folder


def test_a_reproduction_needs_no_clips_and_its_page_replaces_an_older_one(pld, tmp_path):
    out = tmp_path / "new" / "r.html"
    out.parent.mkdir()
    out.write_text("older")
    record_files([out])
    code, said, _ = pld("report", reproduction(tmp_path / "paper"), "-o", out)
    assert (code, said) == (0, f"report: {out}\n")
    assert [each.text for each in elements(out.read_text()) if each.tag == "h1"] == [
        "The paper's tables"
    ]


@pytest.mark.parametrize("changes", [{"ladders": [{"ladder_ms": [1], "rungs": []}]}, {"clips": -1}])
def test_a_reproduction_with_wrong_figures_is_refused(pld, tmp_path, changes):
    said = refused(pld, reproduction(tmp_path / "paper", **changes), "-o", tmp_path / "r.html")
    assert "paper.json can't be shown: " in said


@pytest.mark.slow
def test_the_page_of_evaluate_says_what_its_json_says(pld, tiny, tiny_cache, tmp_path):
    out = tmp_path / "e.html"
    code, said, _ = pld("evaluate", tiny / "run", "-d", tiny / "tones", "--html", out, "--json")
    assert code == 0
    figures = [f"{100 * each['accuracy']:.1f} %" for each in json.loads(said)["protocols"].values()]
    found = elements(out.read_text())
    assert set(figures) <= {each.text for each in found if each.tag == "td"}
    assert [each.text for each in found if each.tag == "h1"] == ["tiny, seed 0"]
    assert any(each.tag == "audio" for each in found)


def test_evaluate_does_not_replace_a_page_of_somebody_else(pld, tiny, tmp_path):
    out = tmp_path / "e.html"
    out.write_text("mine")
    said = refusal(pld("evaluate", tiny / "run", "-d", tiny / "tones", "--html", out))
    assert said.endswith("give another --html.")
