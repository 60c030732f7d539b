"""A bundle's C on this machine, through ctypes."""

import shutil

import numpy as np
import pytest
import stub_bundle
from listening_bundle import sound
from stub_bundle import FRAMES, HOP, LABELS, RATE, WINDOW, compiler, stub_features, stub_logits

from firmware_harness.errors import HarnessError
from firmware_harness.runtimes import host_build
from firmware_harness.runtimes.host_library import aligned, open_library


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    compiler()
    return stub_bundle.write_c(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def library(folder):
    return open_library(folder)


def test_numbers_are_those_of_the_headers(library):
    assert (library.input_bytes, library.num_outputs, library.scratch_bytes) == (10, 4, 32)
    assert (library.sample_rate_hz, library.window_samples, library.hop_samples) == (1000, 8, 4)
    assert (library.frames, library.bins, library.hops_per_inference) == (5, 2, 2)
    assert library.refractory == 2  # 24 ms, an inference each 8 ms, and the next may fire
    assert (library.labels, library.num_keywords) == (LABELS, 2)


def test_a_model_gives_the_logits_of_each_input(library):
    # So many that NumPy gives the memory of a copy back at once.
    inputs = np.random.default_rng(0).integers(-99, 99, (700, FRAMES, 2)).astype(np.int8)
    expected = np.stack([stub_logits(each) for each in inputs])
    np.testing.assert_array_equal(library.run_model(inputs), expected)
    np.testing.assert_array_equal(library.run_model(inputs[::2]), expected[::2])
    assert library.run_model(inputs[:0]).shape == (0, 4)


def test_a_model_that_fails_is_told(library):
    with pytest.raises(HarnessError, match=r"gave error -2\. Export it again"):
        library.run_model(np.full((1, 10), 127, np.int8))


@pytest.mark.parametrize("inputs", [np.zeros((2, 9), np.int8), np.zeros((2, 10), np.int16)])
def test_inputs_of_another_size_or_type_are_refused(library, inputs):
    with pytest.raises(ValueError, match="the model takes 10 int8 values an input"):
        library.run_model(inputs)


def test_features_are_those_of_each_recording(library):
    audio = np.stack([sound(61, seed) for seed in range(3)])
    expected = np.stack([stub_features(each) for each in audio])
    np.testing.assert_array_equal(library.features(audio), expected)
    np.testing.assert_array_equal(
        library.features(audio[:, ::2]), [*map(stub_features, audio[:, ::2])]
    )


def test_too_short_a_recording_has_no_features(library):
    assert library.features(np.zeros((2, WINDOW - 1), np.int16)).shape == (2, 0, 2)


def test_samples_of_another_type_are_refused(library):
    for audio in (np.zeros((1, 9), np.float32), np.zeros(9, np.int16)):
        with pytest.raises(ValueError, match="audio must be int16 samples"):
            library.features(audio)


@pytest.mark.parametrize("piece", [1, 7, 50, 1000])
def test_a_stream_gives_the_same_in_pieces_of_any_size(library, piece):
    samples = sound(500)
    whole = library.open_stream().words(samples)
    stream = library.open_stream()
    pieces = [stream.words(samples[i : i + piece]) for i in range(0, 500, piece)]
    assert [word for each in pieces for word in each] == whole
    assert len(whole) > 2


def test_scores_of_a_stream_sum_to_about_one(library):
    times, scores = library.open_stream().scores(sound(500))
    first = WINDOW + (FRAMES - 1) * HOP
    assert times.tolist() == list(range(first, 501, 2 * HOP))
    assert np.abs(scores.astype(int).sum(axis=1) - 32768).max() <= 2


def test_no_samples_give_nothing(library):
    stream = library.open_stream()
    times, scores = stream.scores(np.zeros(0, np.int16))
    assert (times.shape, scores.shape) == ((0,), (0, 4))
    assert stream.words(np.zeros(0, np.int16)) == []


def test_streams_do_not_hear_each_other(library):
    samples = sound(300)
    one, other = library.open_stream(), library.open_stream()
    other.words(sound(300, 1))
    assert one.words(samples) == library.open_stream().words(samples)


def partly(folder, tmp_path, *without):
    place = tmp_path / "part"
    shutil.copytree(folder, place)
    for name in without:
        (place / name).unlink()
    return place


def test_a_folder_with_a_model_alone_runs_the_model(folder, tmp_path):
    library = open_library(partly(folder, tmp_path, "kws_frontend.c", "kws.c"))
    assert library.run_model(np.zeros((1, 10), np.int8)).shape == (1, 4)
    with pytest.raises(HarnessError, match=r"holds no kws_frontend\.c"):
        library.features(np.zeros((1, 9), np.int16))
    with pytest.raises(HarnessError, match=r"holds no kws\.c"):
        library.open_stream()


def test_a_folder_without_a_decision_makes_features(folder, tmp_path):
    library = open_library(partly(folder, tmp_path, "kws_decision_config.h"))
    assert (library.has_frontend, library.has_stream) == (True, False)
    assert library.features(np.zeros((1, WINDOW), np.int16)).shape == (1, 1, 2)


def test_a_folder_without_c_is_refused(tmp_path):
    with pytest.raises(HarnessError, match=r"holds no kws_model\.c"):
        open_library(tmp_path)


def test_c_that_does_not_compile_is_refused_in_one_line(folder, tmp_path):
    place = partly(folder, tmp_path)
    (place / "kws_model.c").write_text("int 5;\nint 6;\n")
    with pytest.raises(HarnessError, match=r"the C compiler refuses the C of .*error: ") as error:
        open_library(place)
    assert "\n" not in str(error.value)


def test_c_that_lacks_a_function_does_not_load(folder, tmp_path):
    place = partly(folder, tmp_path)
    (place / "kws_model.c").write_text('#include "kws_model.h"\n')
    with pytest.raises(HarnessError, match=r"refuses the C of|does not load"):
        open_library(place).run_model(np.zeros((1, 10), np.int8))


def test_a_state_beyond_any_device_is_refused(folder, tmp_path):
    place = partly(folder, tmp_path)
    header = (place / "kws_model.h").read_text()
    (place / "kws_model.h").write_text(header.replace("BYTES 32", "BYTES 99999999"))
    with pytest.raises(HarnessError, match=r"scratch_bytes of .* at most 64 MB, got 99999999"):
        open_library(place)


def test_the_same_c_is_compiled_once(folder, tmp_path, monkeypatch):
    place = partly(folder, tmp_path)
    open_library(folder)
    monkeypatch.setattr(host_build, "_compile", None)
    assert open_library(place).labels == LABELS
    (place / "kws_labels.h").write_text((place / "kws_labels.h").read_text() + "\n")
    with pytest.raises(TypeError):
        open_library(place)


def test_a_compiler_that_is_missing_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    place = partly(folder, tmp_path)
    (place / "kws.h").write_text((place / "kws.h").read_text() + "\n")
    with pytest.raises(HarnessError, match="no-such-compiler is not there"):
        open_library(place)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_memory_is_aligned_to_64_bytes(size):
    for _ in range(20):
        assert (aligned(size).ctypes.data % 64, len(aligned(size))) == (0, max(1, size))


def test_the_rate_is_the_stubs(library):
    assert library.sample_rate_hz == RATE
