"""The integer features: worked values, float transforms as oracle, and TensorFlow's features."""

import math
from dataclasses import replace

import numpy as np
import pytest
from frontend_c import SPECS, audio, every_spec
from hypothesis import given, settings
from hypothesis import strategies as st

from pld_tf.features import fixed_point
from pld_tf.features.fixed_point import (
    choose_scaling,
    choose_steps,
    fixed_point_features,
    headroom_bits,
    log2_q15,
    twiddles_q31,
)
from pld_tf.features.spec import FeatureSpec
from pld_tf.features.tables import Q15, make_tables

INPUT_SCALE, ZERO_POINT = 0.02, -3


def features(samples, spec, scale=INPUT_SCALE, zero_point=ZERO_POINT):
    return fixed_point_features(samples, spec, input_scale=scale, input_zero_point=zero_point)


def tensorflow_steps(samples, spec, scale):
    """TensorFlow's features of [clips, samples] as an int8 model stores them."""
    from pld_tf.features.log_mel import log_mel

    exact = log_mel(samples.astype(np.float32), spec).numpy()[..., 0]
    rounded = np.trunc(exact / scale + np.copysign(0.5, exact))
    return np.clip(rounded + ZERO_POINT, -128, 127).astype(int)


def steps_apart(samples, spec, scale):
    ours = np.stack([features(each, spec, scale) for each in samples]).astype(int)
    return np.abs(ours - tensorflow_steps(samples, spec, scale))


def speech_like(seconds, seed):
    """Vowels of a gliding pitch with harmonics, bursts and pauses, over noise 40 dB below."""
    rng = np.random.default_rng(seed)
    n = np.arange(int(16000 * seconds))
    pitch = np.cumsum(120 + 40 * np.sin(n / 5000)) * 2 * np.pi / 16000
    voiced = sum(np.sin(h * pitch) / h for h in range(1, 30))
    loudness = 6000 * np.maximum(0, np.sin(n / 2500)) * rng.uniform(0.05, 1)
    noise = rng.normal(0, 60, len(n)) + (n % 8000 < 800) * rng.normal(0, 900, len(n))
    return np.clip(np.rint(voiced * loudness / 3 + noise), -32768, 32767).astype(np.int16)


def test_silence_is_the_log_floor():
    """(log2(512) - 20) / 4 = -2.75; at 0.02 a step that is 137.5 steps, rounded away from zero."""
    assert set(features(np.zeros(480, np.int16), FeatureSpec()).ravel().tolist()) == {-128}
    few = features(np.zeros(480, np.int16), FeatureSpec(), scale=0.05, zero_point=7)
    assert set(few.ravel().tolist()) == {-55 + 7}


def test_halves_go_away_from_zero():
    """Silence is -2.75; at steps of 0.5 that is -5.5, and with an offset of -2 it is +5.5."""
    up = FeatureSpec(log2_offset=-2.0)
    for spec, expected in ((FeatureSpec(), -6), (up, 6)):
        assert set(features(np.zeros(480, np.int16), spec, 0.5, 0).ravel().tolist()) == {expected}


def test_a_frame_hears_its_own_window_and_nothing_else():
    spec = FeatureSpec()
    sound = np.random.default_rng(0).integers(-9000, 9000, 480 + 320).astype(np.int16)
    other = sound.copy()
    other[480:] = 0
    first, changed = features(sound, spec), features(other, spec)
    np.testing.assert_array_equal(first[0], changed[0])
    assert (first[1] != changed[1]).any()
    np.testing.assert_array_equal(first[1], features(sound[320:], spec)[0])


@pytest.mark.parametrize("samples", [0, 479, 480, 799, 800])
def test_what_fills_no_window_gives_no_frame(samples):
    frames = 0 if samples < 480 else 1 + (samples - 480) // 320
    assert features(np.zeros(samples, np.int16), FeatureSpec()).shape == (frames, 40)


def worst_rounding(error, passes):
    """A pass halves four points, cuts both of their parts, and adds them up."""
    for _ in range(passes):
        error = 4 * (error / 2 + math.sqrt(2))
    return error


@pytest.mark.parametrize("points", [1, 2, 4, 8, 64, 128, 512, 2048])
def test_the_fft_is_numpys_halved_by_each_pass_with_twiddles(points):
    rng = np.random.default_rng(points)
    re, im = rng.integers(-(2**20), 2**20, (2, 3, points))
    passes = len(fixed_point.pass_sizes(points)) - 1 if points > 1 else 0
    exact = np.fft.fft(re + 1j * im) / 2**passes
    got_re, got_im = fixed_point._fft(re, im)
    assert np.abs(got_re + 1j * got_im - exact).max() <= worst_rounding(0, passes)


@every_spec
def test_the_spectrum_is_that_of_the_windowed_samples(name):
    spec = SPECS[name]
    tables = make_tables(spec)
    scaling = choose_scaling(tables, spec)
    sound = np.stack(list(audio(spec).values()))[:, : spec.window_samples].astype(np.int64)
    headroom = headroom_bits(sound, scaling)[:, None]
    re, im = fixed_point._spectrum(sound, headroom, tables, spec, scaling)
    exact = np.fft.rfft(sound * tables.window / Q15, spec.fft_size)[:, 1:-1]
    upper = spec.fft_size // 4
    exact[:, upper:] = exact[:, upper:].conj()  # of which only the magnitude is needed
    sizes = fixed_point.pass_sizes(spec.fft_size // 2)
    # The input is cut, the first pass adds points up; separation halves two sums of two and cuts.
    error = worst_rounding(sizes[0] * math.sqrt(2), len(sizes) - 1) * 2 + 2 * math.sqrt(2)
    assert np.abs(re + 1j * im - exact * 2.0 ** (scaling.spectrum_bits + headroom)).max() <= error


@every_spec
def test_nothing_leaves_its_32_or_64_bits_at_the_loudest(name, monkeypatch):
    """Every value of the FFT stays within int32, every energy within 63 bits; and so they do at the
    loudest that still leaves a given number of bits."""
    spec = SPECS[name]
    seen = []

    def watched(values, twiddles, turned=fixed_point._turned):
        seen.append(max(int(np.abs(part).max()) for part in values))
        return turned(values, twiddles)

    monkeypatch.setattr(fixed_point, "_turned", watched)
    tables = make_tables(spec)
    scaling = choose_scaling(tables, spec)
    sounds = list(audio(spec).values()) + _worst(spec)
    loudest = np.stack([each[: spec.window_samples] for each in sounds]).astype(np.int64)
    sound = np.concatenate([loudest >> bits for bits in range(16)])
    headroom = headroom_bits(sound, scaling)[:, None]
    spectrum = fixed_point._spectrum(sound, headroom, tables, spec, scaling)
    power = fixed_point._power(spectrum, scaling)
    assert max(seen, default=0) < 2**31
    assert max(int(np.abs(part).max()) for part in spectrum) < 2**31
    energies = power.astype(float) @ tables.mel[1:-1].astype(float)
    floors = spec.log_floor * 2.0 ** (scaling.energy_bits + 2 * headroom)
    assert (energies + floors).max() < 2**63


def _worst(spec):
    """Full-scale square waves at the frequency of each of a few FFT bins; fewer of a large FFT."""
    n = np.arange(spec.window_samples)
    count = 40 if spec.fft_size <= 4096 else 5
    bins = np.unique(np.linspace(1, spec.fft_size // 2 - 1, count).astype(int))
    waves = np.sin(2 * np.pi * (bins[:, None] * n / spec.fft_size + 0.1))
    return list(np.where(waves >= 0, 32767, -32768))


def test_worked_scaling_of_the_default_spec():
    """480 weights of a half on average sum to 240 * 2**15, and doubled to less than 2**24: 7 bits
    would fit into 31. Energies reach 256 * 480 * 3/8 * 2**30 < 2**46: of 63 - 15 bits 2 are left,
    so one for the spectrum, and 3 more before three passes take them. 2 * 1 + 15 are an energy's.
    """
    scaling = choose_scaling(make_tables(FeatureSpec()), FeatureSpec())
    assert (scaling.input_bits, scaling.spectrum_bits, scaling.power_shift) == (4, 1, 0)
    assert scaling.energy_bits == 17
    assert scaling.max_headroom == 11  # then the FFT's input has 15 bits behind the point


def test_a_loud_floor_leaves_less_room_to_move_up():
    """The loudest window adds up to 45 * 2**40: 16 times the floor stays below 2**46 with that,
    64 times would not. So a frame moves up by 2 bits, 4 in energy.
    """
    spec = FeatureSpec(log_floor=2**40)
    assert choose_scaling(make_tables(spec), spec).max_headroom == 2


@given(st.integers(1, 15), st.integers(0, 11))
def test_soft_frames_have_the_features_of_loud_ones_less_their_bits(seed, bits):
    """Halving the samples takes 2 from the log2 of an energy that the floor does not reach."""
    rng = np.random.default_rng(seed)
    loud = rng.integers(-8, 8, 480).astype(np.int64) << 11
    spec = FeatureSpec(log_floor=1, log2_scale=1.0)
    down = features(
        (loud >> bits).astype(np.int16), replace(spec, log2_offset=20.0 - 2 * bits), 1.0
    )
    np.testing.assert_array_equal(down, features(loud.astype(np.int16), spec, 1.0))


def test_worked_scaling_where_32_bits_are_full():
    """48000 weights of a half sum to less than 2**30 in Q15; doubled, they leave no bit of 31."""
    spec = SPECS["window of a second"]
    assert choose_scaling(make_tables(spec), spec).spectrum_bits == 0


def test_the_input_has_15_bits_at_most():
    """A Hann window of one sample is 0, so nothing can overflow."""
    spec = replace(SPECS["smallest"], window_ms=1, hop_ms=1)
    assert choose_scaling(make_tables(spec), spec).input_bits == 15


@given(st.integers(1, 2**63 - 1))
def test_log2_is_at_most_3_units_off(value):
    (found,) = log2_q15(np.array([value], np.uint64)).tolist()
    assert abs(found - math.log2(value) * Q15) <= 3


@given(st.integers(0, 62), st.integers(0, 62))
def test_log2_never_falls(a, b):
    values = np.sort(np.array([1 << a, (1 << a) + (1 << b), 1 << b], np.uint64))
    assert (np.diff(log2_q15(values)) >= 0).all()


def test_twiddles_are_unit_turns_and_fit_into_int32():
    cos, sin = twiddles_q31(8, 8)
    assert cos.tolist()[:3] == [2**31 - 1, 1518500250, 0]  # 2**31 / sqrt(2) = 1518500249.99
    assert sin.tolist()[:3] == [0, 1518500250, 2**31 - 1]
    assert cos.tolist()[4] == -(2**31 - 1)


@given(st.floats(2**-16, 1000), st.floats(0.01, 10))
def test_steps_divide_by_the_scale_to_30_bits(input_scale, log2_scale):
    spec = FeatureSpec(log2_scale=log2_scale)
    if log2_scale * input_scale < 2**-16:
        return
    steps = choose_steps(spec, input_scale=input_scale, input_zero_point=0)
    assert 0 < steps.multiplier < 2**31
    exact = 1 / (log2_scale * input_scale) / Q15
    assert steps.multiplier * 2.0**-steps.shift == pytest.approx(exact, rel=2**-13)


@settings(max_examples=20)
@given(st.sampled_from(sorted(SPECS)), st.integers(0, 2**32), st.floats(1, 32767))
def test_features_are_those_of_floating_point_give_or_take_a_step(name, seed, loudness):
    """A float64 version of docs/formats.md in a few lines, at a step of a 10th of log2_scale."""
    spec = SPECS[name]
    if spec.fft_size > 4096:
        return
    count = spec.window_samples + 2 * spec.hop_samples
    sound = np.random.default_rng(seed).normal(0, loudness, count)
    sound = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    tables = make_tables(spec)
    starts = np.arange(3)[:, None] * spec.hop_samples
    frames = sound[starts + np.arange(spec.window_samples)] * (tables.window / Q15)
    energy = np.abs(np.fft.rfft(frames, spec.fft_size)) ** 2 @ (tables.mel / Q15)
    exact = (np.log2(energy + spec.log_floor) - spec.log2_offset) / spec.log2_scale
    exact = exact @ (tables.dct / Q15) if spec.mfcc else exact
    steps = np.clip(exact / 0.1, -128, 127)
    assert np.abs(features(sound, spec, 0.1, 0) - steps).max() <= 1


# What int8 models of such features get: 255 steps from silence to the loudest speech.
REALISTIC = {"40 mel bins": 0.02, "10 mfcc": 0.05}


@pytest.mark.parametrize("name", REALISTIC)
def test_tensorflows_features_of_speech_like_sound_are_within_a_step(name):
    sounds = np.stack([speech_like(2, seed) for seed in range(4)])
    assert (steps_apart(sounds, SPECS[name], REALISTIC[name]) <= 1).mean() >= 0.999


@pytest.mark.parametrize("name", REALISTIC)
def test_tensorflows_features_of_recorded_speech_are_within_a_step(name, shared):
    from pld_tf.data.audio.read import read_audio

    paths = sorted((shared / "data" / "speech_commands_8kw").glob("*/*_nohash_0.flac"))[::40]
    assert len(paths) > 100
    clips = [read_audio(path, sample_rate_hz=16000) for path in paths]
    clips = np.stack([clip[:16000] for clip in clips if len(clip) >= 16000])
    apart = steps_apart(clips, SPECS[name], REALISTIC[name])
    assert (apart <= 1).mean() >= 0.999
    assert (apart == 0).mean() >= 0.99
