import os
import struct
from concurrent.futures import ThreadPoolExecutor

import audio_files
import numpy as np
import pytest
from audio_files import FLOAT, mp3, pcm, wav
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pld_tf.data.audio import flac, ogg
from pld_tf.data.audio import mp3 as audio_mp3
from pld_tf.data.audio import wav as audio_wav
from pld_tf.data.audio.decode import BadClip, read_audio
from pld_tf.data.audio.stream import MAX_VALUES

RAMP = np.array([0, 1, -1, 1000, -32768, 32767, 256, -256], np.int16)


def tone(rate: int, hz: float = 440.0, seconds: float = 1.0) -> np.ndarray:
    return 10_000 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)


def noise(samples: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(-9000, 9000, (samples, channels)).astype(np.int16)


@pytest.fixture
def read(tmp_path):
    def write_and_read(data: bytes, suffix: str = ".wav", rate: int = 16000) -> np.ndarray:
        path = tmp_path / f"clip{suffix}"
        path.write_bytes(data)
        return read_audio(path, sample_rate_hz=rate)

    return write_and_read


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


def test_channels_are_averaged(read):
    samples = np.array([[100, 300, 500], [-7, -7, -7]], "<i2")
    assert read(wav(samples.tobytes(), channels=3)).tolist() == [300, -7]


def test_chunks_of_odd_length_before_the_samples_are_passed_over(read):
    """The native decoder reads no sample of such a file."""
    extra = struct.pack("<4sI", b"LIST", 5) + b"abcde\0"
    np.testing.assert_array_equal(read(wav(RAMP.tobytes(), before=extra)), RAMP)


def test_the_suffix_may_be_in_capitals(read):
    np.testing.assert_array_equal(read(wav(RAMP.tobytes()), ".WAV"), RAMP)


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
    """A length of 0 stands for unknown; the native decoder gives no sample for it."""
    samples = noise(20_000)
    data = bytearray(audio_files.flac(samples))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    np.testing.assert_array_equal(read(bytes(data), ".flac"), samples[:, 0])


def test_ogg_sounds_like_what_was_encoded(read):
    stereo = np.repeat(tone(16000)[:, None] / 32768, 2, axis=1)
    result = read(audio_files.ogg(stereo, 16000), ".ogg")
    assert result.shape == (16000,)
    assert np.corrcoef(result, tone(16000))[0, 1] > 0.99


def test_mp3_gives_the_tone_that_was_written(read):
    data = b"ID3\x04\0\0\0\0\0\x05tag!!" + mp3(40, line=20) + b"TAG" + bytes(125)
    result = read(data, ".mp3", rate=44100)
    assert result.size == 40 * 1152
    spectrum = np.abs(np.fft.rfft(result[4000:-4000] * np.hanning(result.size - 8000)))
    loudest_hz = spectrum.argmax() * 44100 / (result.size - 8000)
    assert loudest_hz == pytest.approx(20.5 * 44100 / 1152, abs=45)
    assert np.abs(result.astype(int)).max() > 100


def test_real_recordings_read_the_same_in_two_threads(shared):
    paths = sorted((shared / "data" / "speech_commands_8kw" / "yes").glob("*.flac"))[:40]
    with ThreadPoolExecutor(2) as pool:
        threaded = list(pool.map(lambda path: read_audio(path, sample_rate_hz=16000), paths))
    for path, samples in zip(paths, threaded, strict=True):
        np.testing.assert_array_equal(samples, read_audio(path, sample_rate_hz=16000))
        assert 6000 < samples.size <= 16000


BAD_WAVS = {
    "the file is empty": b"",
    "not a WAV file: starts with b'Hello": b"Hello, this is text.\n" * 9,
    "this is RF64": b"RF64" + wav(RAMP.tobytes())[4:],
    "no 'data' chunk": wav(RAMP.tobytes())[:40],
    "chunk b'data' declares 16 bytes, the file holds 15": wav(RAMP.tobytes())[:-1],
    "chunk b'data' declares 4294967295 bytes": wav(RAMP.tobytes(), declared=2**32 - 1),
    "are no multiple of 2": wav(RAMP.tobytes()[:-1]),
    "no 'fmt ' chunk": b"RIFF\x18\0\0\0WAVEdata\x04\0\0\0abcd",
    "expected 16 bytes or more of format": b"RIFF\x18\0\0\0WAVEfmt \x04\0\0\0abcd",
    "holds no samples": wav(b""),
    "format 7 of 8 bits": wav(b"abcd", bits=8, code=7),
    "format 1 of 12 bits": wav(b"abcd", bits=12),
    "blocks of 0 bytes": wav(b"abcd", channels=0),
    "1 to 16 channels, the header says 17": wav(bytes(68), channels=17),
    "1000 to 384000 Hz, the header says 0": wav(b"abcd", rate=0),
    "the header says 999999": wav(b"abcd", rate=999_999),
    "not finite": wav(np.array([0, np.nan], "<f4").tobytes(), bits=32, code=FLOAT),
    "finite": wav(np.array([0, 1e300], "<f8").tobytes(), bits=64, code=FLOAT),
}


@pytest.mark.parametrize(("reason", "data"), BAD_WAVS.items(), ids=BAD_WAVS)
def test_a_bad_wav_is_refused_with_its_reason(read, reason, data):
    with pytest.raises(BadClip) as refused:
        read(data)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_not_finite_samples_are_found_before_channels_are_averaged(read):
    values = np.array([0, np.inf, np.inf, -np.inf], "<f4")
    with pytest.raises(BadClip, match="not finite"):
        read(wav(values.tobytes(), bits=32, code=FLOAT, rate=8000, channels=2))


def test_the_loudest_floats_are_clipped_before_they_are_resampled(read):
    values = np.array([3e38, -3e38] * 100, "<f4")
    result = read(wav(values.tobytes(), bits=32, code=FLOAT, rate=8000))
    assert result.size == 400


def test_a_flac_cut_anywhere_is_refused_and_never_waited_for(read):
    """The native decoder does not return when its last frames are missing."""
    data = audio_files.flac(noise(20_000))
    frame = data.rindex(b"\xff\xf8")
    for cut in [*range(0, 120, 7), len(data) // 2, frame, frame + 3, len(data) - 1]:
        with pytest.raises(BadClip):
            read(data[:cut], ".flac")


def test_a_changed_byte_in_a_flac_frame_is_found(read):
    data = bytearray(audio_files.flac(noise(20_000)))
    data[len(data) // 2] ^= 1
    with pytest.raises(BadClip, match="fails its checksum"):
        read(bytes(data), ".flac")


@pytest.mark.parametrize(
    ("total", "reason"),
    [(20_001, "declares 20001 samples, the frames hold 20000"), (2**36 - 1, "too long")],
)
def test_a_flac_that_declares_more_than_it_holds_is_refused(read, total, reason):
    data = bytearray(audio_files.flac(noise(20_000)))
    data[21] = data[21] & 0xF0 | total >> 32
    data[22:26] = (total & 0xFFFFFFFF).to_bytes(4, "big")
    with pytest.raises(BadClip, match=reason):
        read(bytes(data), ".flac")


@given(st.binary(min_size=1, max_size=300))
def test_the_fast_checksum_agrees_with_long_division(message):
    checksum = flac._remainder(message + b"\0\0", 0x18005)
    framed = message + checksum.to_bytes(2, "big")
    assert flac._crc16_holds(framed)
    assert not flac._crc16_holds(framed[:-1] + bytes([framed[-1] ^ 1]))


@pytest.fixture(scope="module")
def stereo_ogg() -> bytes:
    return audio_files.ogg(np.repeat(tone(16000)[:, None] / 32768, 2, axis=1), 16000)


def test_an_ogg_cut_or_changed_anywhere_is_refused(read, stereo_ogg):
    last_page = stereo_ogg.rindex(b"OggS")
    damaged = [stereo_ogg[:cut] for cut in (5, 30, 2000, last_page, len(stereo_ogg) - 1)]
    damaged += [stereo_ogg[:at] + b"\x55\xaa" + stereo_ogg[at + 2 :] for at in (60, last_page + 30)]
    second = stereo_ogg.index(b"OggS", 4)
    third = stereo_ogg.index(b"OggS", second + 4)
    damaged += [stereo_ogg[:second] + stereo_ogg[third:], stereo_ogg * 2]
    for data in damaged:
        with pytest.raises(BadClip):
            read(data, ".ogg")


def test_opus_is_named(read, stereo_ogg):
    body = b"OpusHead" + bytes(22)
    page = bytearray(stereo_ogg[:28] + body)
    page[5] = 6
    page[22:26] = bytes(4)
    checksum = flac._remainder(bytes(page) + bytes(4), 0x104C11DB7)
    page[22:26] = checksum.to_bytes(4, "little")
    with pytest.raises(BadClip, match="holds Opus; expected Vorbis"):
        read(bytes(page), ".ogg")


BAD_MP3S = {
    "no MP3 frame at byte 0: found b'text'": b"text" * 100,
    "holds no MP3 frames": b"TAG" + bytes(125),
    "the MP3 frame at byte 1872 has 207 of 208 bytes": mp3(10, line=3)[:-1],
    "no MP3 frame at byte 2080": mp3(10, line=3) + b"\0",
    "an ID3 tag of 99 bytes": b"ID3\x04\0\0\0\0\0\x63" + mp3(0, line=3),
    "changes within the file": mp3(2, line=3) + b"\xff\xfb\x50\x04" + bytes(204),
    "free bit rate": b"\xff\xfb\x00\xc4" + bytes(204),
    "declares 9 MP3 frames": b"\xff\xfb\x50\xc4"
    + bytes(17)
    + b"Xing\0\0\0\1\0\0\0\x09"
    + bytes(175),
}


@pytest.mark.parametrize(("reason", "data"), BAD_MP3S.items(), ids=BAD_MP3S)
def test_a_bad_mp3_is_refused_with_its_reason(read, reason, data):
    with pytest.raises(BadClip) as refused:
        read(data, ".mp3")
    assert reason in str(refused.value)


def test_mp3_frames_without_audio_are_refused_by_the_decoder(read):
    with pytest.raises(BadClip, match="the decoder refuses it: "):
        read(b"\xff\xfb\x50\xc4" + b"\xff" * 204, ".mp3")


def test_other_suffixes_large_files_and_folders_are_refused(read, tmp_path):
    with pytest.raises(BadClip, match=r"expected one of \.wav, \.flac, \.ogg, \.mp3, got '\.aac'"):
        read(b"data", ".aac")
    large = tmp_path / "large.wav"
    large.touch()
    os.truncate(large, 100 * 2**20 + 1)
    with pytest.raises(BadClip, match="expected at most 104857600 bytes, the file has 104857601"):
        read_audio(large, sample_rate_hz=16000)
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(BadClip, match="not a regular file"):
        read_audio(tmp_path / "folder.wav", sample_rate_hz=16000)


def test_a_small_flac_that_declares_an_hour_takes_no_memory(read):
    data = bytearray(audio_files.flac(noise(20_000)))
    data[22:26] = (MAX_VALUES + 1).to_bytes(4, "big")
    with pytest.raises(BadClip, match="too long"):
        read(bytes(data), ".flac")


def test_damaged_files_give_samples_or_a_reason_and_never_end_the_process(read, stereo_ogg):
    files = {
        ".wav": wav(noise(500).tobytes(), extensible=True),
        ".flac": audio_files.flac(noise(9000)),
        ".ogg": stereo_ogg,
        ".mp3": mp3(4, line=9),
    }
    rng = np.random.default_rng(0)
    refused = dict.fromkeys(files, 0)
    for n in range(400):
        suffix = list(files)[n % 4]
        try:
            assert read(damage(files[suffix], rng), suffix).dtype == np.int16
        except BadClip:
            refused[suffix] += 1
    assert refused[".flac"] > 90
    assert refused[".ogg"] > 90
    assert refused[".wav"] > 20
    assert refused[".mp3"] > 20


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """Change up to five bytes, half of them in the header, and sometimes cut or lengthen."""
    damaged = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        reach = min(len(damaged), 90) if rng.random() < 0.5 else len(damaged)
        damaged[rng.integers(reach)] = rng.integers(256)
    at = int(rng.integers(len(damaged)))
    match rng.integers(4):
        case 0:
            del damaged[at:]
        case 1:
            damaged[at:at] = rng.bytes(20)
    return bytes(damaged)


@given(st.binary(max_size=200), st.sampled_from([b"", b"RIFF....WAVE", b"fLaC\0\0\0\x22", b"OggS"]))
@example(b"APETAGEX", b"")
def test_parsers_of_garbage_raise_nothing_but_bad_clip(garbage, magic):
    for parse in (
        audio_wav.parse_wav,
        flac.parse_flac,
        ogg.parse_ogg,
        audio_mp3.parse_mp3,
    ):
        with pytest.raises(BadClip):
            parse(magic + garbage)
