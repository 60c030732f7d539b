"""Reading model bundles, whole and damaged; no TensorFlow here."""

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_bundle import BINS, FRAMES, LABELS, SPEC, arrays, handmade, rewrite_header

from export.errors import ExportError
from export.model_bundle.read import REQUIRED, find_bundle, read_bundle
from export.system import files


@pytest.fixture
def directory(tmp_path):
    return handmade(tmp_path / "run" / "bundle")


def test_a_bundle_reads_back_from_its_run_and_from_itself(directory):
    for place in (directory, directory.parent):
        bundle = read_bundle(place)
        assert (bundle.frames, bundle.bins) == (FRAMES, BINS)
        assert (bundle.labels, bundle.num_keywords) == (LABELS, 2)
        assert bundle.feature_spec == SPEC
        np.testing.assert_array_equal(bundle.golden_audio, arrays()["golden_audio"])
        np.testing.assert_array_equal(bundle.validation_labels, arrays()["validation_labels"])


def test_an_unfinished_run_is_told_from_no_run(tmp_path):
    with pytest.raises(ExportError, match=r"is no run folder and no model bundle: it has no run"):
        read_bundle(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ExportError, match="is not a finished run: pld-tf distill writes bundle/"):
        read_bundle(tmp_path)
    with pytest.raises(ExportError, match="there is no such folder"):
        read_bundle(tmp_path / "nowhere")


def ladder(tmp_path, *names, last=2):
    """A run folder with a bundle in each named rung folder, and that of the last rung."""
    for name in names:
        folder = tmp_path / "rungs" / name / "bundle"
        folder.mkdir(parents=True)
        (folder / "bundle.json").write_text("{}")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "bundle.json").write_text(json.dumps({"rung": last}))
    return tmp_path


def test_each_rung_of_a_run_has_its_bundle(tmp_path):
    run = ladder(tmp_path, "0-1000ms-ab", "1-800ms-cd", "10-500ms-ef")
    for rung, place in ((0, "rungs/0-1000ms-ab"), (1, "rungs/1-800ms-cd"), (2, ".")):
        assert find_bundle(run, rung) == run / place / "bundle"
    assert find_bundle(run) == run / "bundle"


def test_a_bundle_folder_is_its_own_rung_only(directory):
    assert find_bundle(directory, 1) == directory
    with pytest.raises(ExportError, match=r"of rung 0; rungs that have one: 1\.$"):
        find_bundle(directory, 0)


def test_a_rung_without_bundle_is_told_with_those_that_have_one(tmp_path):
    with pytest.raises(ExportError, match=r"of rung 3; rungs that have one: 0, 2\.$"):
        find_bundle(ladder(tmp_path, "0-1000ms-ab"), 3)
    with pytest.raises(ExportError, match=r"of rung 0; rungs that have one: none; pld-tf distill"):
        find_bundle(tmp_path / "rungs", 0)


def test_a_rung_of_a_run_that_goes_on_can_be_read(tmp_path, directory):
    place = tmp_path / "other" / "rungs" / "1-52ms-ab"
    place.mkdir(parents=True)
    directory.rename(place / "bundle")
    assert read_bundle(tmp_path / "other", rung=1).directory == place / "bundle"


def test_a_rung_made_twice_is_not_chosen_at_random(tmp_path):
    run = ladder(tmp_path, "0-1000ms-ab", "0-1000ms-cd")
    with pytest.raises(ExportError, match="more than once: 0-1000ms-ab and 0-1000ms-cd"):
        find_bundle(run, 0)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_changed_byte_is_blamed_on_its_file(name, directory):
    content = bytearray((directory / name).read_bytes())
    content[-1] ^= 1
    (directory / name).write_bytes(content)
    with pytest.raises(ExportError, match=rf"{name} is not the file that bundle\.json lists"):
        read_bundle(directory)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_file_is_named(name, directory):
    (directory / name).unlink()
    with pytest.raises(ExportError, match=f"{name} is listed in bundle.json but missing"):
        read_bundle(directory)
    rewrite_header(directory)
    with pytest.raises(ExportError, match=f"must list {name}"):
        read_bundle(directory)


def test_another_format_is_refused_before_the_files_are_looked_at(directory):
    (directory / "golden.npz").unlink()
    rewrite_header(directory, format=2)
    with pytest.raises(ExportError, match="must have format 1, got 2"):
        read_bundle(directory)


@pytest.mark.parametrize("name", ["../outside", "/outside", "saved_model/../../outside"])
def test_a_file_outside_the_bundle_is_refused(name, directory):
    header = json.loads((directory / "bundle.json").read_text())
    header["files"][name] = {"sha256": "0", "bytes": 0}
    (directory / "bundle.json").write_text(json.dumps(header))
    with pytest.raises(ExportError, match="outside the model bundle"):
        read_bundle(directory)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"model": {"frames": 0, "bins": 10}}, "model.frames from 1 to 4096, got 0"),
        ({"model": {"frames": 12, "bins": "ten"}}, "model.bins from 1 to 4096, got 'ten'"),
        ({"model": {"frames": 11, "bins": 10}}, r"features must be float32 of shape \[None, 11"),
        ({"seed": "three"}, "must give 'seed' as int"),
        ({"seed": True}, "must give 'seed' as int"),
        ({"recipe": None}, "must give 'recipe' as dict"),
        ({"data_key": 7}, "must give 'data_key' as str"),
        ({"rung": None}, "must give 'rung' as int"),
        ({"length_ms": 52.0}, "must give 'length_ms' as int"),
        ({"files": []}, "must give 'files' as dict"),
    ],
)
def test_a_wrong_header_value_is_named(changes, text, directory):
    rewrite_header(directory, **changes)
    with pytest.raises(ExportError, match=text):
        read_bundle(directory)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("labels.json", {"labels": ["a", "a", "b", "c"], "num_keywords": 1}, "a different name"),
        ("labels.json", {"labels": [], "num_keywords": 0}, "1 to 1024 labels"),
        ("labels.json", {"labels": ["a", "b", "c", "d"], "num_keywords": 5}, "from 0 to 4"),
        ("labels.json", {"labels": ["a", "b"], "num_keywords": 1}, "labels must be from 0 to 1"),
        ("labels.json", ["a"], "must hold a JSON object, got list"),
        ("feature_spec.json", SPEC | {"hop_ms": "4; rm"}, "numbers below 2147483648 only"),
        ("feature_spec.json", SPEC | {"hop\n": 4}, "numbers below 2147483648 only"),
        ("feature_spec.json", SPEC | {"log_floor": float("nan")}, "NaN is no number of JSON"),
        ("feature_spec.json", SPEC | {"hop_ms": 4.5}, "hop_ms as a whole number"),
    ],
)
def test_wrong_values_with_right_hashes_are_named(name, value, text, directory):
    (directory / name).write_text(json.dumps(value))
    rewrite_header(directory)
    with pytest.raises(ExportError, match=text):
        read_bundle(directory)


@pytest.mark.parametrize(
    ("name", "changed", "text"),
    [
        ("validation.npz", {"labels": np.zeros(59, np.int32)}, r"int32 of shape \[60\]"),
        ("validation.npz", {"labels": np.full(60, 4, np.int32)}, "labels must be from 0 to 3"),
        ("golden.npz", {"audio": np.zeros((3, 9), np.float32)}, "audio must be int16"),
        ("golden.npz", {"logits": np.zeros((3, 5), np.float32)}, "logits must be float32"),
        ("representative.npz", {"features": np.zeros((0, FRAMES, BINS), np.float32)}, "features"),
    ],
)
def test_arrays_that_do_not_fit_are_named(name, changed, text, directory):
    with np.load(directory / name) as old:
        kept = dict(old)
    np.savez(directory / name, **(kept | changed))
    rewrite_header(directory)
    with pytest.raises(ExportError, match=text) as caught:
        read_bundle(directory)
    assert name in str(caught.value)


def test_an_npz_that_unpacks_to_too_much_is_refused_unopened(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "bomb.npz", zeros=np.zeros(200_000, np.int8))
    monkeypatch.setattr(files, "MAX_ARRAY_BYTES", 100_000)
    with pytest.raises(ExportError, match="must unpack to at most 100000 bytes, got 200"):
        files.read_npz(tmp_path / "bomb.npz")


def test_an_npy_header_that_claims_terabytes_is_refused(tmp_path):
    member = io.BytesIO()
    claim = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)}
    np.lib.format.write_array_header_1_0(member, claim)
    with zipfile.ZipFile(tmp_path / "claim.npz", "w") as archive:
        archive.writestr("a.npy", member.getvalue())
    with pytest.raises(ExportError, match=r"header of a\.npy disagrees with its data"):
        files.read_npz(tmp_path / "claim.npz")


def test_an_array_of_objects_is_refused(tmp_path):
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ExportError, match="array of Python objects"):
        files.read_npz(tmp_path / "objects.npz")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_npz_reads_or_says_so(data, tmp_path):
    buffer = io.BytesIO()
    save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    save(buffer, a=np.arange(6, dtype=np.int16), b=np.zeros((2, 2), np.float32))
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.npz"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read = files.read_npz(path)
    except ExportError as error:
        assert "a.npz" in str(error)
    else:
        assert sum(array.nbytes for array in read.values()) < 10_000


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\udcff"])
def test_what_is_not_json_is_named(text, tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ExportError, match=r"x\.json is not JSON"):
        files.read_json(path)


def test_a_json_file_of_many_megabytes_is_refused(tmp_path, monkeypatch):
    (tmp_path / "x.json").write_text('{"a": "' + "b" * 100 + '"}')
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 100)
    with pytest.raises(ExportError, match="at most 100 bytes, got 109"):
        files.read_json(tmp_path / "x.json")
