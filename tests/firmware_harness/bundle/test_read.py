import hashlib
import json

import pytest

from firmware_harness.bundle.read import open_bundle, read_text, read_tflite
from firmware_harness.errors import HarnessError

MODEL = b"\x1c\0\0\0TFL3" + bytes(range(40))
FLOAT_MODEL = MODEL + b"float"


def entry(content):
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


@pytest.fixture
def folder(tmp_path):
    """A bundle as export writes it, with the fields the reader looks at."""
    contents = {"model.tflite": MODEL, "model_float.tflite": FLOAT_MODEL, "labels.json": b"[]"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    manifest = {
        "format": 1,
        "kind": "int8",
        "recipe_name": "demo",
        "recipe": {"input_lengths_ms": [1000, 500]},
        "data_key": "corpus",
        "rung": 1,
        "length_ms": 500,
        "commit": "abc",
        "files": {name: entry(content) for name, content in contents.items()},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def edit(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def assert_one_line(error):
    assert "\n" not in str(error.value)
    assert len(str(error.value)) > 20


def test_a_bundle_gives_its_models_and_its_origin(folder):
    bundle = open_bundle(folder)
    assert bundle.model.content == MODEL
    assert bundle.float_model.content == FLOAT_MODEL
    assert (bundle.kind, bundle.name, bundle.commit) == ("int8", "demo", "abc")
    assert (bundle.recipe, bundle.data_key) == ({"input_lengths_ms": [1000, 500]}, "corpus")
    assert (bundle.rung, bundle.length_ms) == (1, 500)
    assert bundle.excluded == ()


REFUSED = {
    "faults": [{"stage": "int8", "why": "int8 loses 3 points."}],
    "command": "pld-tf export R",
}


def test_a_bundle_that_export_refused_is_opened_only_by_who_asks_for_it(folder):
    assert open_bundle(folder).refused is None
    edit(folder, refused=REFUSED)
    told = "int8 loses 3 points. This takes it as it is: pld-tf export R."
    assert open_bundle(folder, refused_too=True).refused == told
    with pytest.raises(HarnessError, match=rf"^pld-tf export refused \S+: {told}") as refused:
        open_bundle(folder)
    assert_one_line(refused)


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        ({}, "its manifest does not say why."),
        (7, "its manifest does not say why."),
        ({"faults": [3], "command": 4}, "its manifest does not say why."),
        ({"faults": [{"why": "it\x1b[2J\nlies."}]}, "it[2Jlies."),
    ],
)
def test_whatever_a_manifest_says_of_a_refusal_it_is_one_printable_line(folder, refused, told):
    edit(folder, refused=refused)
    assert open_bundle(folder, refused_too=True).refused == told


def test_a_bundle_knows_the_clips_that_its_run_left_out(folder):
    edit(folder, excluded=["yes/a.wav", "no/b.wav"])
    assert open_bundle(folder).excluded == ("yes/a.wav", "no/b.wav")


def test_the_level_of_the_training_is_a_number_or_missing(folder):
    assert open_bundle(folder).word_level_db is None
    edit(folder, word_level_db=-19.5)
    assert open_bundle(folder).word_level_db == -19.5


@pytest.mark.parametrize("value", ["-20", True, 1e9, [1]])
def test_another_level_is_refused(folder, value):
    edit(folder, word_level_db=value)
    with pytest.raises(HarnessError, match="word_level_db must be a number of at most 200"):
        open_bundle(folder)


@pytest.mark.parametrize("value", ["yes/a.wav", None, [7], {"a": 1}])
def test_a_list_of_left_out_clips_that_is_none_is_refused(folder, value):
    edit(folder, excluded=value)
    with pytest.raises(HarnessError, match="excluded must be a list of texts") as error:
        open_bundle(folder)
    assert_one_line(error)


def test_a_lone_tflite_is_a_bundle_without_origin(folder):
    bundle = open_bundle(folder / "model.tflite")
    assert bundle.model.sha256 == hashlib.sha256(MODEL).hexdigest()
    assert (bundle.name, bundle.kind, bundle.float_model) == ("model.tflite", None, None)
    assert (bundle.recipe, bundle.data_key, bundle.rung, bundle.length_ms) == (None,) * 4


def test_a_bundle_of_a_lone_tflite_has_no_run(folder):
    edit(folder, recipe_name=None, recipe=None, data_key=None, rung=None, length_ms=None)
    bundle = open_bundle(folder)
    assert (bundle.recipe, bundle.data_key, bundle.rung, bundle.length_ms) == (None,) * 4
    assert bundle.name == folder.name
    assert bundle.names == {"model.tflite", "model_float.tflite", "labels.json"}


def test_a_bundle_gives_its_texts(folder):
    assert read_text(folder, "labels.json") == "[]"
    with pytest.raises(HarnessError, match=r"model\.tflite is not UTF-8 text"):
        (folder / "model.tflite").write_bytes(b"\xff")
        read_text(folder, "model.tflite")


def test_a_bundle_knows_its_stored_crops(folder):
    assert open_bundle(folder).crop_files == {}
    (folder / "golden.npz").write_bytes(b"crops")
    files = json.loads((folder / "manifest.json").read_text())["files"]
    edit(folder, files={**files, "golden.npz": entry(b"crops")})
    assert open_bundle(folder).crop_files == {"golden": folder / "golden.npz"}


def test_a_float_bundle_has_no_second_float_model(folder):
    edit(folder, kind="float")
    assert open_bundle(folder).float_model is None


def test_a_float_model_that_the_manifest_does_not_list_is_not_used(folder):
    edit(folder, files={"model.tflite": entry(MODEL)})
    assert open_bundle(folder).float_model is None


@pytest.mark.parametrize("name", ["model.tflite", "model_float.tflite", "labels.json"])
def test_a_changed_byte_is_refused_and_the_file_named(folder, name):
    path = folder / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=f"{name} has SHA-256 .* was changed") as error:
        open_bundle(folder)
    assert_one_line(error)


def test_a_truncated_file_is_refused_with_both_sizes(folder):
    (folder / "model.tflite").write_bytes(MODEL[:-3])
    with pytest.raises(HarnessError, match=r"model\.tflite has 45 bytes.*says 48") as error:
        open_bundle(folder)
    assert_one_line(error)


def test_a_missing_file_is_refused_and_named(folder):
    (folder / "labels.json").unlink()
    with pytest.raises(
        HarnessError, match=r"labels\.json is in the firmware bundle's manifest but not"
    ):
        open_bundle(folder)


def test_the_format_number_is_checked_before_any_file(folder):
    edit(folder, format=2)
    (folder / "model.tflite").unlink()
    with pytest.raises(HarnessError, match=r"manifest\.json: this version reads format 1, got 2"):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["../model.tflite", "/etc/hostname", "a/../../b", "", "a\\b"])
def test_a_file_name_that_leaves_the_bundle_is_refused(folder, name):
    edit(folder, files={name: entry(MODEL)})
    with pytest.raises(HarnessError, match="leaves the firmware bundle"):
        open_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "int4"}, "kind must be one of int8, float, int16x8, got 'int4'"),
        ({"kind": ["int8"]}, "kind must be one of"),
        ({"recipe": []}, "expected recipe: an object, got list"),
        ({"data_key": None}, "data_key must be str, got NoneType"),
        ({"rung": True}, "rung must be int, got bool"),
        ({"length_ms": 500.0}, "length_ms must be int, got float"),
        ({"files": None}, "expected files: an object of file names, got NoneType"),
        ({"files": {}}, r"lists no model\.tflite"),
        ({"files": {"model.tflite": 3}}, r"expected files\.model\.tflite: an object"),
        ({"files": {"model.tflite": {"bytes": 48}}}, "must be 64 hexadecimal digits"),
        ({"files": {"model.tflite": {**entry(MODEL), "bytes": "48"}}}, "48 bytes, but"),
    ],
)
def test_a_manifest_with_a_wrong_field_is_refused(folder, changes, message):
    edit(folder, **changes)
    with pytest.raises(HarnessError, match=message) as error:
        open_bundle(folder)
    assert_one_line(error)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_not_json_is_refused(folder, text):
    (folder / "manifest.json").write_bytes(text)
    with pytest.raises(HarnessError, match=r"manifest\.json is not JSON") as error:
        open_bundle(folder)
    assert_one_line(error)


def test_a_manifest_of_more_than_16_mebibytes_is_refused(folder):
    (folder / "manifest.json").write_bytes(b" " * (2**24 + 1))
    with pytest.raises(HarnessError, match="at most 16777216 bytes"):
        open_bundle(folder)


def test_a_folder_without_manifest_is_refused(tmp_path):
    with pytest.raises(HarnessError, match=r"holds no manifest\.json; expected a firmware bundle"):
        open_bundle(tmp_path)


def test_a_path_to_nothing_is_refused(tmp_path):
    with pytest.raises(HarnessError, match=r"nothing\.tflite is neither"):
        open_bundle(tmp_path / "nothing.tflite")


@pytest.mark.parametrize(
    "content",
    [b"", b"TFL3", b"# a text file\n" * 9, bytes(100), MODEL[:15], b"\x89PNG\r\n\x1a\n" * 4],
)
def test_a_file_without_the_identifier_is_refused(tmp_path, content):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=r"is not a \.tflite file: expected TFL3") as error:
        read_tflite(path)
    assert_one_line(error)
