"""What is no whole recording is refused with one line; nothing hangs, crashes or takes memory."""

import os
import struct
from contextlib import suppress

import audio_files
import numpy as np
import pytest
from audio_files import FLOAT, mp3, wav
from hypothesis import example, given
from hypothesis import strategies as st

from pld_tf.data.audio.decode import decode
from pld_tf.data.audio.limits import MAX_VALUES, BadClip
from pld_tf.data.audio.read import read_audio

RAMP = np.array([0, 1, -1, 1000, -32768, 32767, 256, -256], np.int16)
APE_FOOTER = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0) + bytes(8)
LIST = struct.pack("<4sI", b"LIST", 8) + b"whatever"


def noise(samples: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(-9000, 9000, (samples, channels)).astype(np.int16)


BAD_WAVS = {
    "the file is empty": b"",
    "or W64, the file starts with b'Hello": b"Hello, this is text.\n" * 9,
    "the file ends before its samples": wav(RAMP.tobytes())[:40],
    "the header declares 16 bytes of samples, the file holds 15": wav(RAMP.tobytes())[:-1],
    "the header declares 99 bytes of samples, the file holds 16": wav(RAMP.tobytes(), declared=99),
    "15 bytes of samples are no multiple of 2": wav(RAMP.tobytes()[:-1]),
    "no multiple": wav(RAMP.tobytes()[:-1], declared=2**32 - 1),
    "can't be read: Error in WAV": b"RIFF\x18\0\0\0WAVEdata\x04\0\0\0abcd",
    "can't be read": b"RIFF\x18\0\0\0WAVEfmt \x04\0\0\0abcddata\x04\0\0\0abcd",
    "more than 10000 chunks": wav(RAMP.tobytes(), before=b"LIST\0\0\0\0" * 10_000),
    "holds no samples": wav(b""),
    "no samples": wav(b"")[:4] + struct.pack("<I", 52) + wav(b"")[8:] + LIST,
    "of a kind that can't be read": wav(b"abcd", bits=8, code=99),
    "Channel count is zero": wav(b"abcd", channels=0),
    "blocks of 3 bytes, the header says 4": wav(bytes(12), bits=24, block=4),
    "1 to 16 channels, the header says 17": wav(bytes(68), channels=17),
    "1000 to 384000 Hz, the header says 999": wav(b"abcd", rate=999),
    "damaged": wav(b"abcd", rate=0),
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


@pytest.mark.parametrize("format", ["WAV", "RF64", "AIFF", "AU", "CAF", "W64", "FLAC", "OGG"])
def test_a_file_cut_anywhere_is_refused_and_never_waited_for(read, format):
    data = audio_files.encoded(noise(20_000), format=format)
    for cut in [*range(0, 120, 7), len(data) // 2, len(data) - 3000, len(data) - 1]:
        with pytest.raises(BadClip):
            read(data[:cut])


def test_not_finite_samples_are_found_before_channels_are_averaged(read):
    values = np.array([0, np.inf, np.inf, -np.inf], "<f4")
    with pytest.raises(BadClip, match="not finite"):
        read(wav(values.tobytes(), bits=32, code=FLOAT, rate=8000, channels=2))


def test_the_loudest_floats_are_clipped_before_they_are_resampled(read):
    values = np.array([3e38, -3e38] * 100, "<f4")
    result = read(wav(values.tobytes(), bits=32, code=FLOAT, rate=8000))
    assert result.size == 400


def test_a_flac_that_lacks_its_last_frame_is_refused(read):
    data = audio_files.flac(noise(20_000))
    frame = data.rindex(b"\xff\xf8")
    for cut in (frame, frame + 3):
        with pytest.raises(BadClip):
            read(data[:cut])


def test_a_changed_byte_in_a_flac_frame_is_found(read):
    data = bytearray(audio_files.flac(noise(20_000)))
    data[len(data) // 2] ^= 1
    with pytest.raises(BadClip, match="damaged, or of a kind that can't be read: "):
        read(bytes(data))


@pytest.mark.parametrize(
    ("total", "reason"),
    [
        (20_001, "declares 20001 samples, the file holds 20000"),
        (2**36 - 1, "too long"),
        (MAX_VALUES + 1, "too long"),
    ],
)
def test_a_flac_that_declares_more_than_it_holds_is_refused(read, total, reason):
    data = bytearray(audio_files.flac(noise(20_000)))
    data[21] = data[21] & 0xF0 | total >> 32
    data[22:26] = (total & 0xFFFFFFFF).to_bytes(4, "big")
    with pytest.raises(BadClip, match=reason):
        read(bytes(data))


def test_a_flac_of_20_bits_is_refused(read):
    """libsndfile knows 8, 16 and 24 bits."""
    data = bytearray(audio_files.flac(noise(2000)))
    data[20:22] = (int.from_bytes(data[20:22], "big") & 0xFE0F | 19 << 4).to_bytes(2, "big")
    with pytest.raises(BadClip, match="of a kind that can't be read"):
        read(bytes(data))


@pytest.fixture(scope="module")
def stereo_ogg() -> bytes:
    return audio_files.ogg(noise(16000, 2) / 32768, 16000)


def test_an_ogg_cut_or_changed_anywhere_is_refused(read, stereo_ogg):
    last_page = stereo_ogg.rindex(b"OggS")
    damaged = [stereo_ogg[:cut] for cut in (5, 30, 2000, last_page, len(stereo_ogg) - 1)]
    damaged += [stereo_ogg[:at] + b"\x55\xaa" + stereo_ogg[at + 2 :] for at in (60, last_page + 30)]
    second = stereo_ogg.index(b"OggS", 4)
    third = stereo_ogg.index(b"OggS", second + 4)
    damaged += [stereo_ogg[:second] + stereo_ogg[third:], stereo_ogg * 2]
    for data in damaged:
        with pytest.raises(BadClip):
            read(data)


def test_large_files_and_folders_are_refused(tmp_path):
    large = tmp_path / "large.wav"
    large.touch()
    os.truncate(large, 100 * 2**20 + 1)
    with pytest.raises(BadClip, match="expected at most 104857600 bytes, the file has 104857601"):
        read_audio(large, sample_rate_hz=16000)
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(BadClip, match="not a regular file"):
        read_audio(tmp_path / "folder.wav", sample_rate_hz=16000)


def test_damaged_files_give_samples_or_a_reason_and_never_end_the_process(read, stereo_ogg):
    files = {
        "wav": wav(noise(500).tobytes(), extensible=True),
        "flac": audio_files.flac(noise(9000)),
        "ogg": stereo_ogg,
        "mp3": mp3(4, line=9),
        **{
            name: audio_files.encoded(noise(500), format=name)
            for name in ("RF64", "AIFF", "AU", "CAF", "W64")
        },
    }
    rng = np.random.default_rng(0)
    refused = dict.fromkeys(files, 0)
    for name in list(files) * 100:
        try:
            assert read(damage(files[name], rng)).dtype == np.int16
        except BadClip:
            refused[name] += 1
    assert refused["flac"] > 85
    assert refused["ogg"] > 90
    assert min(refused.values()) > 20


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


def test_a_file_of_nothing_but_tags_is_refused_and_not_taken_apart():
    """Taking off a million tags one by one would take an hour."""
    for data in (b"ID3\4\0\0\0\0\0\0" * 10**6, b"\xff\xfb" + APE_FOOTER * 10**6):
        with pytest.raises(BadClip):
            decode(data)


MAGICS = [
    *(b"", b"RIFF....WAVE", b"RIFF....WAVEfmt ", b"RF64....WAVEds64", b"RIFX....WAVE"),
    *(b"FORM....AIFF", b"caff\0\1\0\0", b".snd", b"riff" + bytes(36)),
    *(b"fLaC\0\0\0\x22", b"OggS", b"ID3\4\0\0", b"\xff\xfb"),
]


@given(st.binary(max_size=200), st.sampled_from(MAGICS))
@example(b"APETAGEX", b"")
def test_garbage_raises_nothing_but_bad_clip(garbage, magic):
    with suppress(BadClip):
        decode(magic + garbage)
