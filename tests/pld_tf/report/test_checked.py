"""Files of others: a wrong field is one line that names it."""

import json

import pytest
import report_facts as made

from pld_tf.errors import PldError
from pld_tf.report import checked
from pld_tf.report.bundle_files import Manifest
from pld_tf.report.checked import read_checked


def test_a_manifest_is_read_and_other_fields_are_not_looked_at(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(made.manifest_values(operators=[1, 2])))
    assert read_checked(path, Manifest) == made.manifest()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seed": "3"}, "seed"),
        ({"seed": True}, "seed"),
        ({"versions": {"numpy": 1}}, "versions.numpy"),
        ({"decision": {"smoothing": 0}}, "decision.hops_per_inference"),
        ({"recipe_name": "x" * 1001}, "recipe_name"),
        ({"validation": None}, "validation"),
        ({"model": {"bytes": -1, "parameters": 0, "macs": 0}}, "model.bytes"),
    ],
)
def test_a_field_of_another_kind_is_named(tmp_path, changes, field):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(made.manifest_values(**changes)))
    with pytest.raises(PldError, match=f"manifest.json can't be shown: {field}: ") as refused:
        read_checked(path, Manifest)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "nan", "[" * 100_000, "\ud800"])
def test_what_is_no_json_object_is_refused(tmp_path, text):
    path = tmp_path / "manifest.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(PldError, match="can't be shown: the file: "):
        read_checked(path, Manifest)


def test_a_file_of_any_size_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(checked, "MAX_BYTES", 10)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(made.manifest_values()))
    with pytest.raises(PldError, match="at most 10 bytes"):
        read_checked(path, Manifest)
