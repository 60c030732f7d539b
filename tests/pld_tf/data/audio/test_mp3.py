"""MP3: frames that are counted, and tags that are taken off."""

import struct

import audio_files
import numpy as np
import pytest
from audio_files import mp3

from pld_tf.data.audio.limits import BadClip

DECODER_DELAY = 529  # samples that a decoder gives before the first true one
ID3 = b"ID3\x04\0\0\0\0\0\x05tag!!"
ID3_FOOTER = b"ID3\x04\0\x10\0\0\0\x05tag!!" + b"3DI\x04\0\x10\0\0\0\x05"
ID3V1 = b"TAG" + bytes(125)
APE_FOOTER = b"APETAGEX" + struct.pack("<IIII", 2000, 37, 0, 1 << 31) + bytes(8)
APE = APE_FOOTER + b"item!" + APE_FOOTER
BEFORE = {"none": b"", "ID3": ID3, "two ID3": ID3 * 2, "ID3 with a footer": ID3_FOOTER}
AFTER = {"none": b"", "ID3v1": ID3V1, "APE": APE, "APE, ID3v1": APE + ID3V1, "ID3": ID3_FOOTER}


def speech_like(samples: int = 16000) -> np.ndarray:
    """Silence, then a rising tone: frames are of many lengths at a variable rate."""
    loud = 9000 * np.sin(np.arange(samples // 2) ** 1.3)
    return np.concatenate([loud * 0, loud]).astype(np.int16)


def variable_rate(samples: np.ndarray) -> bytes:
    return audio_files.encoded(
        samples, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.5,
        bitrate_mode="VARIABLE",
    )  # fmt: skip


def test_mp3_gives_the_tone_that_was_written(read):
    result = read(mp3(40, line=20), ".mp3", rate=44100)
    assert result.size == 40 * 1152 - DECODER_DELAY
    spectrum = np.abs(np.fft.rfft(result[4000:-4000] * np.hanning(result.size - 8000)))
    loudest_hz = spectrum.argmax() * 44100 / (result.size - 8000)
    assert loudest_hz == pytest.approx(20.5 * 44100 / 1152, abs=45)
    assert np.abs(result.astype(int)).max() > 100


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("after", AFTER.values(), ids=AFTER)
def test_tags_change_nothing(read, before, after):
    plain = mp3(10, line=20)
    np.testing.assert_array_equal(
        read(before + plain + after, ".mp3", 44100), read(plain, ".mp3", 44100)
    )


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("after", AFTER.values(), ids=AFTER)
def test_flac_between_tags_is_read(read, before, after):
    samples = speech_like()
    data = before + audio_files.flac(samples[:, None]) + after
    np.testing.assert_array_equal(read(data, ".flac"), samples)


def test_an_mp3_has_as_many_samples_as_were_encoded(read):
    samples = speech_like()
    result = read(variable_rate(samples), ".mp3")
    assert result.size == samples.size
    assert np.corrcoef(result, samples)[0, 1] > 0.9


def test_a_variable_rate_without_a_count_is_read_to_its_end(read):
    """libsndfile alone would guess the length from the first frame, and stop there."""
    data = variable_rate(speech_like(100_000)[50_000:])  # its first frame is long
    second = data.index(data[:2], 4)
    assert data[:second].count(b"Xing") == 1
    whole, uncounted = read(data, ".mp3"), read(data[second:], ".mp3")
    assert uncounted.size > whole.size
    delay = uncounted.size - whole.size
    assert any(
        np.corrcoef(whole, uncounted[shift : shift + whole.size])[0, 1] > 0.99
        for shift in range(delay + 1)
    )


def test_a_count_that_includes_its_own_frame_is_understood(read):
    data = bytearray(variable_rate(speech_like()))
    at = data.index(b"Xing") + 8
    count = int.from_bytes(data[at : at + 4], "big")
    plain = read(bytes(data), ".mp3")
    data[at : at + 4] = (count + 1).to_bytes(4, "big")
    np.testing.assert_array_equal(read(bytes(data), ".mp3"), plain)


BAD_MP3S = {
    "expected WAV, FLAC": b"text" * 100,
    "starts with b''": ID3V1,
    "the MP3 frame at byte 1872 has 207 of 208 bytes": mp3(10, line=3)[:-1],
    "no MP3 frame at byte 2080": mp3(10, line=3) + b"\0",
    "an ID3 tag of 109 bytes in 10": b"ID3\x04\0\0\0\0\0\x63" + mp3(0, line=3),
    "a tag of 2000 bytes ends a file of 32": APE_FOOTER[:12]
    + struct.pack("<I", 2000)
    + APE_FOOTER[16:20]
    + bytes(12),
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


def test_frames_that_the_decoder_skips_are_missed(read):
    becomes_stereo = mp3(2, line=3) + b"\xff\xfb\x50\x04" + bytes(204)
    with pytest.raises(BadClip, match="declares 2927 samples, the file holds 1775"):
        read(becomes_stereo, ".mp3")


def test_a_cut_mp3_is_refused_wherever_it_is_cut(read):
    data = variable_rate(speech_like())
    for cut in (3, 30, 200, 1000, len(data) // 2, len(data) - 400, len(data) - 1):
        with pytest.raises(BadClip):
            read(data[:cut], ".mp3")
