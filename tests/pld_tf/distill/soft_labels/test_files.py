"""A store of soft labels is of one training alone, and whole, or it is refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_run
from tiny_soft_labels import (
    CLASSES,
    CROPS,
    VERSIONS,
    files_in,
    make_recipe,
    telling_teacher,
    training_data,
)

from pld_tf.distill.soft_labels.files import SoftLabelFiles
from pld_tf.errors import PldError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_run.open_tiny(tmp_path_factory.mktemp("files"), tiny_run.make_recipe())


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory) -> Path:
    """A store of two versions, whose logits are 0, -1, -2 and -3. Read-only."""
    root = tmp_path_factory.mktemp("whole")
    files = files_of(store, root)
    files.claim()
    for version in range(VERSIONS):
        columns = {
            name: np.arange(CROPS, dtype="<i4")
            for name in ("clip", "start_samples", "length_samples")
        }
        logits = np.tile(-np.arange(CLASSES, dtype="<f2"), (CROPS, 1))
        files.write(version, columns | {"logits": logits})
    return root


def files_of(store, root: Path, *models, data: dict | None = None, **changes) -> SoftLabelFiles:
    """Of the recipe with `changes`, and of its data with those in `data`."""
    recipe = make_recipe(**changes)
    changed = replace(training_data(recipe, store), **(data or {}))
    return files_in(root, recipe, changed, *models)


def test_what_was_written_is_read_and_looked_up_by_version_and_clip(store, whole):
    files = files_of(store, whole)
    table = files.table(VERSIONS)
    assert table.dtype == np.float16
    assert table.shape == (VERSIONS, CROPS, CLASSES)
    assert (table == [0, -1, -2, -3]).all()
    assert files.read(1)["version"] == 1


def test_a_clip_is_named_by_the_hash_of_its_path_and_silence_by_none(store, whole):
    hashes = files_of(store, whole).read(0)["clip_sha256"]
    clips = len(store.splits["train"])
    assert len(set(hashes[:clips].tolist())) == clips == 36
    assert not hashes[clips:].any()


# --- one folder for each training, shared by its students ---


@pytest.mark.parametrize(
    "changes",
    [
        {"per_clip": 3},
        {"teacher_input": "clip"},
        {"teacher_input": "blend"},
        {"echo_epochs": 2},
        {"gain_db": 3.0},
        {"tempo": 0.1},
        {"filter_db": 3.0},
        {"time_masks": 0},
        {"unknown": 0.5},
        {"silence": 0.5},
        {"batch_size": 32},
        {"input_lengths_ms": [1000, 800]},
        {"train_fraction": 0.5},
        {"teach_unlabelled": False},
        {"keywords": ["two", "one"]},
        {"ignored": ["three"]},
        {"data": {"seed": 7}},
    ],
)
def test_what_decides_labels_has_a_folder_of_its_own(store, whole, changes):
    assert files_of(store, whole, **changes).folder != files_of(store, whole).folder


@pytest.mark.parametrize(
    "changes",
    [
        {"models": [{"family": "ds_cnn", "size": "S"}]},
        {"epochs": 9, "learning_rate": 0.5, "mixup": 0.3, "hard_weight": 0.1},
        # One teacher that hears the crop: neither its length nor the temperature enters.
        {"temperature": 4.0},
        {"ensemble": "switch"},
        {"input_lengths_ms": [800, 500]},
    ],
)
def test_students_share_the_labels_of_one_teacher(store, whole, changes):
    assert files_of(store, whole, **changes).folder == files_of(store, whole).folder


def test_the_temperature_of_an_ensembles_mean_is_part_of_its_labels(store, whole):
    models = telling_teacher(), telling_teacher(factor=3.0)
    folders = {files_of(store, whole, *models, temperature=t).folder for t in (1.0, 2.0)}
    assert len(folders) == 2
    switched = {
        files_of(store, whole, *models, ensemble="switch", temperature=t).folder for t in (1.0, 2.0)
    }
    assert len(switched) == 1


# --- what is refused ---


def claimed_in_place_of(right: SoftLabelFiles, other: SoftLabelFiles) -> None:
    """Move the folder of `other` where `right` looks for its own."""
    other.claim()
    other.folder.rename(right.folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"per_clip": 3}, r"expected crops\.per_clip 2, found 3"),
        ({"gain_db": 3.0}, r"expected augment\.gain_db 6\.0, found 3\.0"),
        ({"teacher_input": "clip"}, 'expected teacher_input "crop", found "clip"'),
        ({"keywords": ["two", "one"]}, r"expected classes \["),
        ({"ignored": ["three"]}, r'expected words\.three "unknown", found "ignored"'),
        ({"data": {"seed": 7}}, "expected seed 1, found 7"),
    ],
)
def test_labels_of_another_training_are_refused(store, tmp_path, changes, message):
    right = files_of(store, tmp_path)
    claimed_in_place_of(right, files_of(store, tmp_path, **changes))
    with pytest.raises(PldError, match=f"another training: {message}") as caught:
        right.claim()
    assert "\n" not in str(caught.value)


def test_labels_of_another_teacher_are_refused(store, tmp_path):
    right = files_of(store, tmp_path)
    claimed_in_place_of(right, files_of(store, tmp_path, telling_teacher(factor=2.001)))
    with pytest.raises(PldError, match=r'expected teachers \["\w{64}"\], found \["\w{64}"\]'):
        right.claim()


def test_labels_of_another_corpus_are_refused(store, tmp_path):
    right = files_of(store, tmp_path)
    other = {"store": replace(store, key="0" * 64)}
    claimed_in_place_of(right, files_of(store, tmp_path, data=other))
    with pytest.raises(PldError, match=f'expected corpus "{store.key}", found "0000'):
        right.claim()


def test_labels_of_other_features_are_refused(store, tmp_path):
    right = files_of(store, tmp_path)
    other = {"spec": replace(make_recipe().features, log_floor=100)}
    claimed_in_place_of(right, files_of(store, tmp_path, data=other))
    with pytest.raises(PldError, match=r"expected features\.log_floor 512, found 100"):
        right.claim()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: {**header, "format": 2}, "expected format 1, found 2"),
        (lambda header: {"format": 1}, "expected teachers .*, found null"),
        (lambda header: {**header, "more": 1}, "expected more null, found 1"),
        (lambda header: [], "expected format 1, found null"),
    ],
)
def test_a_header_of_other_fields_is_refused(store, tmp_path, change, message):
    files = files_of(store, tmp_path)
    files.claim()
    path = files.folder / "header.json"
    path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))), "utf-8")
    with pytest.raises(PldError, match=message):
        files.claim()


def test_a_header_that_is_no_json_is_refused(store, tmp_path):
    files = files_of(store, tmp_path)
    files.claim()
    (files.folder / "header.json").write_text("{", "utf-8")
    with pytest.raises(PldError, match=r"is damaged: .*Remove that folder"):
        files.claim()


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def one_bit_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"logits.npy") + 300] ^= 1
    path.write_bytes(content)


def other_version(path: Path) -> None:
    shutil.copy(path.with_name("version-0000.npz"), path)


def column_removed(path: Path) -> None:
    arrays = dict(np.load(path, allow_pickle=False))
    del arrays["start_samples"]
    np.savez(path, **arrays)


def changed(**columns: np.ndarray) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        np.savez(path, **(dict(np.load(path, allow_pickle=False)) | columns))

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_off, "zip"),
        (one_bit_flipped, "CRC"),
        (column_removed, "start_samples"),
        (other_version, r"version-0001\.npz is a version of another store, or another version"),
        (changed(store=np.array("0" * 64)), r"version-0001\.npz is a version of another store"),
        (
            changed(logits=np.zeros((CROPS, 3), "<f2")),
            r"expected logits <f2 \[48, 4\], found <f2 \[48, 3\]",
        ),
        (changed(logits=np.zeros((CROPS, 4), "<f4")), r"found <f4 \[48, 4\]"),
        (changed(logits=np.full((CROPS, 4), np.nan, "<f2")), "expected finite logits"),
        (changed(clip=np.arange(1, 49, dtype="<i4")), "each clip of the corpus once at most"),
        (changed(clip=np.arange(-1, 47, dtype="<i4")), "each clip of the corpus once at most"),
        (changed(clip=np.zeros(CROPS, "<i4")), "each clip of the corpus once at most"),
        (changed(clip=np.arange(48, dtype="<i4")[::-1]), "numbers the clips otherwise than"),
    ],
)
def test_a_damaged_version_is_refused(store, whole, tmp_path, damage, message):
    shutil.copytree(whole, tmp_path / "labels")
    files = files_of(store, tmp_path / "labels")
    damage(files.path(1))
    assert files.read(0)["version"] == 0
    with pytest.raises(PldError, match=f"is damaged: .*{message}.*Remove that folder") as caught:
        files.table(VERSIONS)
    assert "\n" not in str(caught.value)


def test_matching_embeddings_needs_a_teacher_and_no_stored_labels():
    with pytest.raises(PldError, match=r"embedding_weight must be 0 .* got 0\.5\. Set labels"):
        make_recipe(embedding_weight=0.5)
