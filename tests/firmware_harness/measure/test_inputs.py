import dataclasses
import io
import random
import zipfile

import hostile
import numpy as np
import pytest
from places import GOLDEN

from firmware_harness.bundle.read import open_bundle
from firmware_harness.errors import HarnessError
from firmware_harness.measure.inputs import comparison_inputs
from firmware_harness.runtimes.interpreter import Model

MODEL = GOLDEN / "int8.tflite"


@pytest.fixture(scope="module")
def model():
    return Model(open_bundle(MODEL).model, resolver="reference")


def bundle_with(**files):
    return dataclasses.replace(open_bundle(MODEL), crop_files=files)


def test_a_lone_model_gets_200_inputs_that_never_change(model):
    counts, (inputs,) = comparison_inputs(bundle_with(), model)
    assert counts == {"random": 200}
    assert (inputs.shape, inputs.dtype) == ((200, 1, 6, 4, 1), np.int8)
    assert set(np.unique(inputs)) == set(range(-128, 128))
    np.testing.assert_array_equal(inputs, comparison_inputs(bundle_with(), model)[1][0])


def test_stored_crops_come_golden_first_in_the_models_shape(model, tmp_path):
    golden = np.arange(48, dtype=np.int8).reshape(2, 6, 4)
    np.savez(tmp_path / "g.npz", model_input=golden, labels=[1, 2])
    np.savez(tmp_path / "v.npz", model_input=golden[:1] + 50)
    bundle = bundle_with(golden=tmp_path / "g.npz", validation=tmp_path / "v.npz")
    counts, (inputs,) = comparison_inputs(bundle, model)
    assert counts == {"golden": 2, "validation": 1}
    np.testing.assert_array_equal(inputs[:2, 0, ..., 0], golden)
    np.testing.assert_array_equal(inputs[2, 0, ..., 0], golden[0] + 50)


@pytest.mark.parametrize(
    ("most", "taken"),
    [(1, [0]), (2, [0, 1]), (3, [0, 1, 4]), (5, [0, 1, 4, 5, 7]), (9, [0, 1, 4, 5, 6, 7, 8])],
)
def test_the_second_file_gives_crops_spread_over_it_while_there_is_room(
    model, tmp_path, most, taken
):
    numbered = np.repeat(np.arange(9, dtype=np.int8), 24).reshape(9, 6, 4)
    np.savez(tmp_path / "g.npz", model_input=numbered[:2])
    np.savez(tmp_path / "v.npz", model_input=numbered[4:])
    bundle = bundle_with(golden=tmp_path / "g.npz", validation=tmp_path / "v.npz")
    _, (inputs,) = comparison_inputs(bundle, model, most=most)
    assert inputs[:, 0, 0, 0, 0].tolist() == taken


@pytest.mark.parametrize(
    "crops",
    [np.zeros((2, 6, 5), np.int8), np.zeros((2, 6, 4), np.int16), np.zeros((0, 6, 4), np.int8)],
)
def test_crops_of_another_model_are_refused(model, tmp_path, crops):
    np.savez(tmp_path / "g.npz", model_input=crops)
    with pytest.raises(HarnessError, match=r"g\.npz has model_input .* but int8\.tflite takes 1"):
        comparison_inputs(bundle_with(golden=tmp_path / "g.npz"), model)


def npy(array, **changes):
    """An .npy whose header may lie."""
    stream = io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array) | changes
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + array.tobytes()


def zipped(path, name, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("other.npy", npy(np.zeros(3, np.int8))),
        ("model_input.npy", b"no header"),
        ("model_input.npy", npy(np.zeros(3, np.int8), shape=(1 << 40,))),
        ("model_input.npy", npy(np.zeros(3, np.int8), descr="|O")),
    ],
)
def test_a_damaged_array_is_refused_in_one_line(model, tmp_path, name, content):
    path = zipped(tmp_path / "g.npz", name, content)
    with pytest.raises(HarnessError, match=r"g\.npz holds no readable array model_input") as error:
        comparison_inputs(bundle_with(golden=path), model)
    assert "\n" not in str(error.value)


def test_what_is_no_archive_is_refused(model, tmp_path):
    (tmp_path / "g.npz").write_bytes(b"text")
    with pytest.raises(HarnessError, match="holds no readable array"):
        comparison_inputs(bundle_with(golden=tmp_path / "g.npz"), model)


def test_damage_of_any_kind_is_one_line_or_a_valid_reading(model, tmp_path):
    path = tmp_path / "g.npz"
    np.savez_compressed(path, model_input=np.arange(48, dtype=np.int8).reshape(2, 6, 4))
    whole = path.read_bytes()
    rng = random.Random(5)
    refused = 0
    for _ in range(600):
        path.write_bytes(hostile.mutated_npz(whole, rng))
        try:
            comparison_inputs(bundle_with(golden=path), model)
        except HarnessError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 300
