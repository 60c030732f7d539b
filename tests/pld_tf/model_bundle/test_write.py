"""The model bundle as pld_tf writes it."""

import gc
import hashlib
import json
import resource
from contextlib import contextmanager

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tiny_bundle import CLASSES, FRAMES, SPEC, contents, folder_bytes, trained_like

from pld_tf.errors import PldError
from pld_tf.model_bundle.write import write_bundle
from pld_tf.system.stderr import start_up_noise_held_back


@pytest.fixture(scope="module")
def model():
    return trained_like()


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    directory = tmp_path_factory.mktemp("run") / "bundle"
    write_bundle(directory, model=model, frames=FRAMES, contents=contents())
    return directory


def test_header_lists_every_other_file_with_its_hash(bundle):
    header = json.loads((bundle / "bundle.json").read_text())
    files = folder_bytes(bundle)
    del files["bundle.json"]
    assert header["files"] == {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in files.items()
    }
    assert header["format"] == 1
    assert header["model"] == {"frames": FRAMES, "bins": 10, "classes": CLASSES}
    assert (header["seed"], header["commit"]) == (3, "abc")
    assert header["recipe"] == {"ladder": [1000, 500]}
    assert (header["data_key"], header["rung"], header["length_ms"]) == ("corpus", 1, 52)


def test_saved_model_gives_the_inference_logits_of_the_keras_model(bundle, model):
    infer = tf.saved_model.load(str(bundle / "saved_model")).signatures["serving_default"]
    crops = contents().golden_features[..., None]
    expected = model(crops, training=False).numpy()
    for crop, logits in zip(crops, expected, strict=True):
        given = infer(features=tf.constant(crop[None]))["logits"].numpy()
        np.testing.assert_allclose(given, logits[None], rtol=1e-5, atol=1e-6)
    with np.load(bundle / "golden.npz") as golden:
        np.testing.assert_allclose(golden["logits"], expected, rtol=1e-5, atol=1e-6)


def test_nodes_have_only_the_attributes_of_their_operators(bundle):
    """TensorFlow complains of others each time such a graph is loaded."""
    content = (bundle / "saved_model" / "saved_model.pb").read_bytes()
    graph = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].graph_def
    assert {node.op for node in graph.node} >= {"Placeholder", "Conv2D"}
    assert not [node.name for node in graph.node if "f" in node.attr]


def test_arrays_and_texts_read_back_as_given(bundle):
    given = contents()
    with np.load(bundle / "validation.npz") as validation:
        np.testing.assert_array_equal(validation["features"], given.validation_features)
        np.testing.assert_array_equal(validation["labels"], given.validation_labels)
    with np.load(bundle / "representative.npz") as representative:
        np.testing.assert_array_equal(representative["features"], given.representative)
    with np.load(bundle / "golden.npz") as golden:
        np.testing.assert_array_equal(golden["audio"], given.golden_audio)
        np.testing.assert_array_equal(golden["features"], given.golden_features)
    with np.load(bundle / "feature_tables.npz") as tables:
        assert tables["window"].tolist() == list(range(8))
    assert json.loads((bundle / "feature_spec.json").read_text()).items() >= SPEC.items()
    labels = json.loads((bundle / "labels.json").read_text())
    assert labels == {"labels": ["yes", "no", "unknown", "silence"], "num_keywords": 2}


def test_same_weights_in_a_model_built_later_give_the_same_bytes(bundle, model, tmp_path):
    twin = trained_like(seed=9)
    twin.set_weights(model.get_weights())
    assert [layer.name for layer in twin.layers] != [layer.name for layer in model.layers]
    write_bundle(tmp_path / "bundle", model=twin, frames=FRAMES, contents=contents())
    assert folder_bytes(tmp_path / "bundle") == folder_bytes(bundle)


def test_an_older_bundle_is_replaced_and_nothing_stays_beside_it(model, tmp_path):
    for seed in (1, 2):
        write_bundle(tmp_path / "bundle", model=model, frames=FRAMES, contents=contents(seed=seed))
    assert json.loads((tmp_path / "bundle" / "bundle.json").read_text())["seed"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_failure_on_the_way_leaves_the_older_bundle(model, tmp_path):
    write_bundle(tmp_path / "bundle", model=model, frames=FRAMES, contents=contents())
    before = folder_bytes(tmp_path)
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        write_bundle(
            tmp_path / "bundle", model=model, frames=FRAMES, contents=contents(recipe={"a": {1}})
        )
    assert folder_bytes(tmp_path) == before


def test_a_folder_of_something_else_is_refused(model, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(PldError, match="is not a model bundle; it stays as it is"):
        write_bundle(tmp_path, model=model, frames=FRAMES, contents=contents())
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@contextmanager
def largest_file(bytes_: int):
    """No file can grow beyond `bytes_`: to the code under test, a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [1000, 100_000], ids=["at the graph", "at an array"])
def test_a_full_disk_is_reported_once_and_nothing_stays(room, model, tmp_path, capfd):
    larger = contents(representative=np.ones((1000, FRAMES, 10), np.float32))
    with start_up_noise_held_back(), largest_file(room):
        with pytest.raises(OSError, match="File too large") as refused:
            write_bundle(tmp_path / "bundle", model=model, frames=FRAMES, contents=larger)
        assert refused.value.filename.startswith(str(tmp_path / "bundle"))
        gc.collect()  # a half-written archive would complain here
    assert capfd.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"representative": np.zeros((4, FRAMES, 9), np.float32)}, "representative must be"),
        ({"representative": np.zeros((0, FRAMES, 10), np.float32)}, "not empty"),
        ({"validation_labels": np.zeros(60, np.int64)}, "validation_labels must be int32"),
        ({"golden_audio": np.zeros((3, 56), np.int16)}, "must give 12 frames, got 13"),
        ({"labels": ("yes", "no", "unknown")}, "scores 4 classes, got 3 labels"),
        ({"num_keywords": 5}, "5 of them keywords"),
    ],
)
def test_contents_that_do_not_fit_are_refused_before_anything_is_written(
    changes, text, model, tmp_path
):
    with pytest.raises(ValueError, match=text):
        write_bundle(tmp_path / "b", model=model, frames=FRAMES, contents=contents(**changes))
    assert list(tmp_path.iterdir()) == []
