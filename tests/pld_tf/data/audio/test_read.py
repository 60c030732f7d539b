"""Whole recordings of every format, and what becomes of their samples."""

import struct
from concurrent.futures import ThreadPoolExecutor

import audio_files
import numpy as np
import pytest
from audio_files import FLOAT, pcm, wav
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pld_tf.data.audio.read import read_audio

RAMP = np.array([0, 1, -1, 1000, -32768, 32767, 256, -256], np.int16)


def tone(rate: int, hz: float = 440.0, seconds: float = 1.0) -> np.ndarray:
    return 10_000 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)


def noise(samples: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(-9000, 9000, (samples, channels)).astype(np.int16)


@given(samples=hnp.arrays(np.int16, st.integers(1, 50)))
@settings(deadline=None, max_examples=50)
def test_int16_mono_comes_back_unchanged(tmp_path_factory, samples):
    path = tmp_path_factory.getbasetemp() / "exact.wav"
    path.write_bytes(wav(samples.astype("<i2").tobytes()))
    result = read_audio(path, sample_rate_hz=16000)
    assert result.dtype == np.int16
    np.testing.assert_array_equal(result, samples)


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("bits", [16, 24, 32])
def test_wider_pcm_that_holds_int16_comes_back_unchanged(read, bits, extensible):
    data = wav(pcm(RAMP, bits=bits), bits=bits, extensible=extensible)
    np.testing.assert_array_equal(read(data), RAMP)


def test_8_bit_pcm_keeps_its_upper_byte(read):
    assert read(wav(bytes([0, 128, 129, 255]), bits=8)).tolist() == [-32768, 0, 256, 32512]


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("bits", [32, 64])
def test_float_wav_has_full_scale_at_one_and_is_clipped_beyond(read, bits, extensible):
    values = np.array([0.0, 0.5, -1.0, 1.0, 7.0, -7.0], f"<f{bits // 8}")
    data = wav(values.tobytes(), bits=bits, code=FLOAT, extensible=extensible)
    assert read(data).tolist() == [0, 16384, -32768, 32767, 32767, -32768]


@pytest.mark.parametrize(("code", "silence", "loudest"), [(6, 0xD5, 0xAA), (7, 0xFF, 0x80)])
def test_a_law_and_mu_law_are_read(read, code, silence, loudest):
    """G.711: full scale is 32,256 (A-law) and 32,124 (mu-law); A-law has no zero, but 8."""
    low, high = read(wav(bytes([silence, loudest]), bits=8, code=code)).tolist()
    assert (low, high) == {6: (8, 32256), 7: (0, 32124)}[code]


def test_channels_are_averaged(read):
    samples = np.array([[100, 300, 500], [-7, -7, -7]], "<i2")
    assert read(wav(samples.tobytes(), channels=3)).tolist() == [300, -7]


def test_chunks_of_odd_length_before_the_samples_are_passed_over(read):
    extra = struct.pack("<4sI", b"LIST", 5) + b"abcde\0"
    np.testing.assert_array_equal(read(wav(RAMP.tobytes(), before=extra)), RAMP)


@pytest.mark.parametrize("declared", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_a_wav_written_into_a_pipe_is_read_to_its_end(read, declared):
    """Of an unknown length are 0 (many), 0x7FFFF000 (SoX), 2**31 (arecord), 2**32 - 1 (FFmpeg)."""
    extra = struct.pack("<4sI", b"LIST", 4) + b"abcd"
    data = bytearray(wav(RAMP.tobytes(), declared=declared, before=extra))
    data[4:8] = min(declared + 36, 2**32 - 1).to_bytes(4, "little")
    np.testing.assert_array_equal(read(bytes(data)), RAMP)


@pytest.mark.parametrize(
    "how",
    [
        {"format": "WAV", "endian": "BIG"},
        {"format": "RF64"},
        {"format": "AIFF"},
        {"format": "AIFF", "endian": "LITTLE"},
        {"format": "AU"},
        {"format": "CAF"},
        {"format": "CAF", "subtype": "ALAC_16"},
        {"format": "W64"},
        {"format": "FLAC"},
    ],
    ids=str,
)
def test_other_lossless_formats_come_back_unchanged(read, how):
    samples = noise(5000)
    data = audio_files.encoded(samples, **{"subtype": "PCM_16", **how})
    np.testing.assert_array_equal(read(data), samples[:, 0])


def test_the_first_bytes_tell_the_format_whatever_the_suffix(read):
    samples = noise(500)
    for suffix in (".wav", ".FLAC", ".mp3"):
        np.testing.assert_array_equal(read(audio_files.flac(samples), suffix), samples[:, 0])


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_a_tone_is_the_same_tone_at_another_rate_without_delay(read, rate):
    result = read(wav(np.rint(tone(rate)).astype("<i2").tobytes(), rate=rate))
    assert result.shape == (16000,)
    # Half a sample late at most: 10,000 * 2 pi 440 / 16,000 / 2.
    np.testing.assert_allclose(result[300:-300], tone(16000)[300:-300], atol=870)


def test_what_the_lower_rate_cannot_hold_is_filtered_out(read):
    result = read(wav(np.rint(tone(48000, 12_000)).astype("<i2").tobytes(), rate=48000))
    assert np.abs(result[300:-300].astype(int)).max() < 10


@given(samples=st.integers(1, 3000), rate=st.sampled_from([1000, 7919, 22050, 96000, 384000]))
@settings(deadline=None, max_examples=20)
def test_every_length_at_every_rate_keeps_its_duration(tmp_path_factory, samples, rate):
    path = tmp_path_factory.getbasetemp() / "length.wav"
    path.write_bytes(wav(bytes(2 * samples), rate=rate))
    result = read_audio(path, sample_rate_hz=16000)
    assert result.size == max(1, round(samples * 16000 / rate))


@pytest.mark.parametrize("channels", [1, 2])
def test_flac_is_lossless(read, channels):
    samples = noise(20_000, channels)
    result = read(audio_files.flac(samples), ".flac")
    np.testing.assert_allclose(result, samples.mean(axis=1), atol=0.5)


def test_24_bit_flac_keeps_its_upper_16_bits(read):
    samples = noise(5000).astype(np.int32) << 16
    np.testing.assert_array_equal(read(audio_files.flac(samples), ".flac"), samples[:, 0] >> 16)


def test_flac_of_unknown_length_is_read_whole(read):
    """A length of 0 stands for unknown: an encoder that writes into a pipe leaves it so."""
    samples = noise(200_000)
    data = bytearray(audio_files.flac(samples))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    np.testing.assert_array_equal(read(bytes(data), ".flac"), samples[:, 0])


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_sounds_like_what_was_encoded(read, subtype):
    stereo = np.repeat(tone(16000)[:, None] / 32768, 2, axis=1)
    result = read(audio_files.ogg(stereo, 16000, subtype), ".ogg")
    assert result.shape == (16000,)
    assert np.corrcoef(result, tone(16000))[0, 1] > 0.99


def test_real_recordings_read_the_same_in_two_threads(shared):
    paths = sorted((shared / "data" / "speech_commands_8kw" / "yes").glob("*.flac"))[:40]
    with ThreadPoolExecutor(2) as pool:
        threaded = list(pool.map(lambda path: read_audio(path, sample_rate_hz=16000), paths))
    for path, samples in zip(paths, threaded, strict=True):
        np.testing.assert_array_equal(samples, read_audio(path, sample_rate_hz=16000))
        assert 6000 < samples.size <= 16000
