"""The front end in C: bit for bit the NumPy oracle, however the audio is cut into calls."""

import itertools
import subprocess
from dataclasses import asdict, replace

import numpy as np
import pytest
from frontend_c import (
    INPUT_SCALE,
    SPECS,
    ZERO_POINT,
    CFrontend,
    audio,
    every_spec,
    sources,
    write,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from stub_bundle import compiler

from export.c_code import frontend as c_frontend
from export.errors import ExportError
from pld_tf.features import fixed_point
from pld_tf.features.fixed_point import fixed_point_features
from pld_tf.features.spec import FeatureSpec
from pld_tf.features.tables import make_tables

SPEC = FeatureSpec()


def oracle(samples, spec, scale=INPUT_SCALE, zero_point=ZERO_POINT):
    return fixed_point_features(samples, spec, input_scale=scale, input_zero_point=zero_point)


@pytest.fixture(scope="module")
def frontends(tmp_path_factory):
    """Compiled front ends by the name of their spec, each compiled once."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = CFrontend(tmp_path_factory.mktemp("frontend"), SPECS[name])
        return made[name]

    return get


@every_spec
def test_features_are_the_oracles_bit_for_bit(name, frontends):
    frontend = frontends(name)
    for sound, samples in audio(frontend.spec).items():
        made = frontend.hear([samples])
        np.testing.assert_array_equal(made, oracle(samples, frontend.spec), sound)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), bits=st.integers(1, 16), name=st.sampled_from(sorted(SPECS)[:4]))
def test_features_of_any_loudness_are_the_oracles(frontends, seed, bits, name):
    frontend = frontends(name)
    count = frontend.spec.window_samples + 3 * frontend.spec.hop_samples
    limit = 1 << bits - 1
    samples = np.random.default_rng(seed).integers(-limit, limit, count).astype(np.int16)
    np.testing.assert_array_equal(frontend.hear([samples]), oracle(samples, frontend.spec))


@settings(max_examples=60)
@given(data=st.data(), name=st.sampled_from(["40 mel bins", "two passes", "hop as long as window"]))
def test_any_split_of_the_audio_gives_the_same_features(frontends, data, name):
    frontend = frontends(name)
    samples = audio(frontend.spec)["noise"]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(samples)), max_size=30)))
    pieces = [samples[a:b] for a, b in itertools.pairwise([0, *cuts, len(samples)])]
    np.testing.assert_array_equal(frontend.hear(pieces), oracle(samples, frontend.spec))


def test_a_sample_at_a_time_gives_the_same_features(frontends):
    frontend = frontends("40 mel bins")
    samples = audio(SPEC)["sweep"]
    made = frontend.hear([samples[i : i + 1] for i in range(len(samples))])
    np.testing.assert_array_equal(made, oracle(samples, SPEC))


def test_no_samples_are_no_frame_and_change_nothing(frontends):
    frontend = frontends("40 mel bins")
    frontend.begin()
    frontend.push(np.zeros(479, np.int16))
    taken, frame = frontend.push(np.zeros(0, np.int16))
    assert (taken, frame) == (0, None)
    assert frontend.push(np.zeros(1, np.int16))[1] is not None


def test_a_call_takes_samples_up_to_the_frames_end(frontends):
    frontend = frontends("40 mel bins")
    frontend.begin()
    sound = np.arange(1000, dtype=np.int16)
    taken = []
    for start in (0, 480, 800):
        count, frame = frontend.push(sound[start:])
        taken.append((count, frame is not None))
    assert taken == [(480, True), (320, True), (200, False)]


def test_init_forgets_what_was_heard(frontends):
    frontend = frontends("40 mel bins")
    loud = np.full(479, 30000, np.int16)
    frontend.begin()
    frontend.push(loud)
    quiet = np.zeros(480, np.int16)
    np.testing.assert_array_equal(frontend.hear([quiet]), oracle(quiet, SPEC))


def test_the_default_front_end_takes_at_most_6_kb(frontends):
    """2048 of spectrum, 160 of log energies, 1024 of samples, a count, the bits in use."""
    assert frontends("40 mel bins").state_bytes == 2048 + 160 + 1024 + 4 + 4


@pytest.mark.parametrize(
    ("scale", "zero_point"), [(0.001, -128), (0.02, 127), (3.7, 0), (2.0**-14, 5)]
)
def test_any_quantization_is_the_oracles(scale, zero_point, tmp_path):
    frontend = CFrontend(tmp_path, SPEC, scale=scale, zero_point=zero_point)
    samples = np.concatenate([audio(SPEC)["soft noise"], audio(SPEC)["sweep"]])
    np.testing.assert_array_equal(
        frontend.hear([samples]), oracle(samples, SPEC, scale, zero_point)
    )


def specs():
    """Any spec that makes tables."""

    def build(window_ms, hop, sizes, mel_bins, mfcc, floor, scale):
        smallest = 1 << (window_ms * 16 - 1).bit_length()
        return replace(
            SPEC,
            window_ms=window_ms,
            hop_ms=max(1, window_ms * hop // 8),
            fft_size=max(16, min(8192, smallest << sizes)),
            mel_bins=mel_bins,
            mfcc=min(mfcc, mel_bins),
            low_hz=0,
            high_hz=8000,
            log_floor=floor,
            log2_scale=scale,
        )

    return st.builds(
        build,
        st.integers(1, 120),
        st.integers(1, 8),
        st.integers(0, 3),
        st.integers(1, 6),
        st.integers(0, 6),
        st.integers(1, 2**40),
        st.floats(0.1, 20),
    )


def test_the_exporters_scaling_of_a_window_of_nothing_is_the_oracles():
    spec = replace(SPECS["smallest"], window_ms=1, hop_ms=1)
    ours = fixed_point.choose_scaling(make_tables(spec), spec)
    exporters = c_frontend.choose_scaling(np.zeros(4, np.int64), log_floor=spec.log_floor)
    assert asdict(exporters) == asdict(ours)


def tables_of(spec):
    try:
        return make_tables(spec)
    except ValueError:  # too few FFT bins for the filters
        return None


@settings(max_examples=80)
@given(spec=specs(), scale=st.floats(0.001, 2))
def test_the_exporters_scaling_is_the_oracles(spec, scale):
    tables = tables_of(spec)
    if tables is None:
        return
    window = np.zeros(spec.fft_size, np.int64)
    window[: spec.window_samples] = tables.window
    ours = fixed_point.choose_scaling(tables, spec)
    exporters = c_frontend.choose_scaling(window, log_floor=spec.log_floor)
    assert asdict(exporters) == asdict(ours)
    assert c_frontend._log2_bias(spec.to_dict(), exporters) == fixed_point.log2_bias(spec, ours)
    steps = fixed_point.choose_steps(spec, input_scale=scale, input_zero_point=0)
    assert c_frontend._steps(spec.to_dict(), scale) == (steps.multiplier, steps.shift)


@pytest.mark.parametrize("points", [2, 4, 8, 16, 128, 256, 512])
def test_the_exporters_twiddles_and_logarithm_are_the_oracles(points):
    np.testing.assert_array_equal(
        c_frontend.twiddles_q31(points, points),
        np.stack(fixed_point.twiddles_q31(points, points), axis=1),
    )
    assert c_frontend.pass_sizes(points) == fixed_point.pass_sizes(points)
    np.testing.assert_array_equal(c_frontend.log2_table(), fixed_point.log2_table())


@given(st.sampled_from(sorted(SPECS)))
def test_sparse_filters_are_the_filters(name):
    mel = make_tables(SPECS[name]).mel.astype(np.int64)
    sparse = c_frontend.mel_weights(mel)
    dense = np.zeros_like(mel)
    starts = [0, *sparse.ends.tolist()]
    for stretch, (first, past) in enumerate(itertools.pairwise(starts)):
        for i in range(first, past):
            falling, rising = sparse.pairs[i]
            if stretch > 0:
                dense[sparse.first_bin + i, stretch - 1] += falling
            if stretch < mel.shape[1]:
                dense[sparse.first_bin + i, stretch] += rising
    np.testing.assert_array_equal(dense, mel)


def test_the_same_tables_give_the_same_text():
    assert generate() == generate()
    assert generate()["kws_frontend_tables.h"].startswith("/* Generated by `pld-tf export` from")


def test_tables_of_another_export_are_refused_by_the_compiler(tmp_path):
    folder = write(tmp_path, sources(SPEC) | generate(SPECS["10 mfcc"]))
    command = [compiler(), "-fsyntax-only", "kws_frontend.c"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "come from two exports; copy all files of one" in ended.stderr


def generate(spec=SPEC, *, scale=0.05, changed=None, **numbers):
    tables = make_tables(spec).arrays() | (changed or {})
    return c_frontend.generate(
        spec=spec.to_dict() | numbers,
        tables={name: table for name, table in tables.items() if table is not None},
        input_scale=scale,
        input_zero_point=0,
    )


def damaged(name, index, value):
    table = make_tables(SPEC).arrays()[name].copy()
    table[index] = value
    return {name: table}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"window": None}, r"window must be int16 of shape \[480\], got none"),
        ({"window": np.zeros(480, np.int32)}, r"window must be int16 .* got int32 \[480\]"),
        ({"mel": np.zeros((257, 39), np.int32)}, r"mel must be int32 of shape \[257, 40\]"),
        (damaged("window", 3, -1), "window must be from 0 to 32767, got -1 to"),
        (damaged("mel", (9, 0), 32769), "mel must be from 0 to 32768"),
        (damaged("mel", (0, 0), 1), "neither 0 Hz nor half the sample rate"),
        (damaged("mel", (256, 39), 1), "neither 0 Hz nor half the sample rate"),
        (damaged("mel", (slice(None), 5), 0), "must hear something in every filter"),
        (damaged("mel", (3, 30), 1), r"two neighbouring filters at most, but bin \d+ feeds"),
    ],
)
def test_damaged_tables_are_refused(changed, message):
    with pytest.raises(ExportError, match=message):
        generate(changed=changed)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"fft_size": 500}, "fft_size must be a power of two from 480 to 65536, got 500"),
        ({"fft_size": 256}, "fft_size must be a power of two from 480"),
        ({"mel_bins": 0}, "must give mel_bins as a whole number from 1 to 281474976710656, got 0"),
        ({"mel_bins": 40.0}, "must give mel_bins as a whole number"),
        ({"mfcc": True}, "must give mfcc as a whole number from 0 to 281474976710656, got True"),
        ({"log_floor": 0}, "must give log_floor as a whole number from 1 "),
        (
            {"log_floor": 2**70},
            "must give log_floor as a whole number from 1 to 281474976710656, got 1180",
        ),
        ({"log2_offset": float("nan")}, "log2_offset from -1000 to 1000, got nan"),
        ({"log2_offset": 1001}, "log2_offset from -1000 to 1000"),
        ({"log2_scale": 1e-5}, "must be at least 2\\*\\*-16"),
        ({"log2_scale": float("inf")}, "must be at least 2\\*\\*-16"),
    ],
)
def test_numbers_out_of_range_are_refused(numbers, message):
    with pytest.raises(ExportError, match=message):
        generate(**numbers)
