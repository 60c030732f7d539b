"""Words of recordings and pipes, and sources that are refused in one line."""

import io
import json
import struct

import listening_bundle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from listening_bundle import LABELS, sound
from stub_bundle import RATE, compiler

from firmware_harness.errors import HarnessError
from firmware_harness.listen.listen import Detection, detect, listen, open_listener
from firmware_harness.listen.pcm import read_samples
from firmware_harness.runtimes.host_library import open_library


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    compiler()
    return listening_bundle.write(tmp_path_factory.mktemp("listen") / "bundle")


def fmt(*, code=1, channels=1, rate=RATE, bits=16):
    block = channels * bits // 8
    return struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits)


def chunk(kind, content, size=None):
    length = len(content) if size is None else size
    return kind + struct.pack("<I", length) + content + b"\0" * (len(content) % 2)


def wav(samples, *, chunks=b"", size=None, head=None):
    data = samples.astype("<i2").tobytes()
    rest = b"WAVE" + chunk(b"fmt ", fmt() if head is None else head) + chunks
    return b"RIFF" + struct.pack("<I", 0) + rest + chunk(b"data", data, size)


def read(content, *, raw=False):
    source = io.BufferedReader(Trickle(content))
    pieces = list(read_samples(source, sample_rate_hz=RATE, name="it", raw=raw))
    assert all(piece.dtype == np.int16 for piece in pieces)
    return np.concatenate([*pieces, np.zeros(0, np.int16)])


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, content, most=1000):
        self.rest, self.most = content, most

    def readable(self):
        return True

    def readinto(self, buffer):
        given = self.rest[: min(self.most, len(buffer))]
        self.rest = self.rest[len(given) :]
        buffer[: len(given)] = given
        return len(given)


def test_samples_of_a_wav_file_are_its_samples():
    np.testing.assert_array_equal(read(wav(sound(5000))), sound(5000))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000])
def test_a_piped_wav_of_unknown_length_is_read_to_its_end(size):
    np.testing.assert_array_equal(read(wav(sound(3000), size=size)), sound(3000))


def test_what_follows_the_samples_is_not_heard():
    np.testing.assert_array_equal(read(wav(sound(30)) + chunk(b"LIST", b"words")), sound(30))


def test_chunks_before_the_samples_are_skipped():
    before = chunk(b"LIST", b"odd") + chunk(b"fact", b"1234")
    np.testing.assert_array_equal(read(wav(sound(30), chunks=before)), sound(30))


def test_the_extensible_format_of_pcm_is_read():
    tail = struct.pack("<HHIH14s", 22, 16, 4, 1, b"\0" * 14)
    np.testing.assert_array_equal(read(wav(sound(30), head=fmt(code=0xFFFE) + tail)), sound(30))


@given(st.binary(max_size=40), st.integers(1, 7))
def test_bare_samples_are_all_bytes_but_half_a_sample(content, most):
    if content[:4] == b"RIFF":
        return
    source = io.BufferedReader(Trickle(content, most), buffer_size=16)
    pieces = list(read_samples(source, sample_rate_hz=RATE, name="-", raw=True))
    given = b"".join(piece.astype("<i2").tobytes() for piece in pieces)
    assert given == content[: len(content) // 2 * 2]


def test_samples_come_as_they_arrive():
    """The first piece is there before the pipe has given more than its first bytes."""
    pipe = Trickle(sound(5000).tobytes(), most=100)
    source = io.BufferedReader(pipe, buffer_size=100)
    first = next(iter(read_samples(source, sample_rate_hz=RATE, name="-", raw=True)))
    assert 0 < len(first) <= 106
    assert len(pipe.rest) >= 5000 * 2 - 300


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not a WAV file: it starts with b''"),
        (b"ID3 some music", "is not a WAV file: it starts with b'ID3 some mus'"),
        (b"RIFF\0\0\0\0AVI LIST", "is not a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "ends before its samples begin"),
        (wav(sound(9))[:30], "ends before its samples begin|has a format of"),
        (wav(sound(9), head=b"\1\0"), "has a format of 2 bytes, fewer than 16"),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"data", b"1234"), "says no format before its samples"),
        (wav(sound(9), head=fmt(rate=44100)), "at 1000 Hz, got PCM of 16 bits, 1 channels, 44100"),
        (wav(sound(9), head=fmt(channels=2)), "got PCM of 16 bits, 2 channels"),
        (wav(sound(9), head=fmt(bits=24)), "got PCM of 24 bits"),
        (wav(sound(9), head=fmt(code=3)), "got format 3 of 16 bits"),
        (wav(sound(9), head=fmt(rate=8000)), "sox IN -c 1 -b 16 -r 1000 OUT.wav"),
    ],
)
def test_what_is_no_such_wav_is_refused_in_one_line(content, message):
    with pytest.raises(HarnessError, match=message) as error:
        read(content)
    assert "\n" not in str(error.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    for raw in (False, True):
        try:
            read(b"RIFF\0\0\0\0WAVE" + content, raw=raw)
        except HarnessError as error:
            assert "\n" not in str(error)


def test_words_of_a_file_are_those_of_its_samples(bundle, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(sound(3000)))
    words = open_library(bundle).open_stream().words(sound(3000))
    assert len(words) > 3
    assert list(listen(bundle, path)) == [
        Detection(word=LABELS[word], score=score / 32768, time_s=time / RATE)
        for time, word, score in words
    ]


def test_a_pipe_hears_the_same_words(bundle, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(sound(3000)))
    for content in (sound(3000).tobytes(), wav(sound(3000), size=0)):
        source = io.BufferedReader(Trickle(content, most=17))
        heard = list(detect(open_listener(bundle), source, name="-", raw=True))
        assert heard == list(listen(bundle, path))


def test_a_file_that_is_not_there_is_told(bundle, tmp_path):
    with pytest.raises(HarnessError, match=r"cannot read .*none\.wav: No such file"):
        list(listen(bundle, tmp_path / "none.wav"))


def test_a_bundle_without_c_hears_nothing(tmp_path, bundle):
    path = tmp_path / "model.tflite"
    path.write_bytes((bundle / "model.tflite").read_bytes())
    with pytest.raises(HarnessError, match="has no C for audio"):
        list(listen(path, tmp_path / "a.wav"))


def test_a_bundle_whose_c_was_changed_is_not_run(tmp_path):
    folder = listening_bundle.write(tmp_path / "bundle")
    with (folder / "kws.c").open("a") as file:
        file.write("/* other */")
    with pytest.raises(HarnessError, match=r"kws\.c"):
        open_listener(folder)


def test_the_command_prints_a_line_a_word(pld, bundle, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(sound(1000)))
    code, out, _ = pld("listen", path, "--bundle", bundle)
    heard = list(listen(bundle, path))
    assert code == 0
    assert out.splitlines() == [f"{d.time_s:10.2f} s  {d.word}  {d.score:.2f}" for d in heard]


def test_the_command_prints_json_lines(pld, bundle, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(sound(1000)))
    _, out, _ = pld("listen", path, "--bundle", bundle, "--json")
    first = json.loads(out.splitlines()[0])
    assert list(first) == ["word", "score", "time_s"]


def test_the_command_counts_against_words(pld, bundle, tmp_path):
    """The first detection is said to be a word that ends 0.1 s before; the others are false."""
    path, words = tmp_path / "a.wav", tmp_path / "a.csv"
    path.write_bytes(wav(sound(300)))
    first, *others = listen(bundle, path)
    said_s = first.time_s - 0.01
    words.write_text(f"word,start_s,end_s\n{first.word},0.000,{said_s:.3f}\nno,9,9.5\n")
    code, out, _ = pld("listen", path, "--bundle", bundle, "--words", words)
    assert code == 0
    assert out.splitlines()[0] == f"{first.time_s:.2f} s  heard   {first.word}  {first.score:.2f}"
    assert out.splitlines()[-2] == "9.50 s  missed  no"
    assert out.splitlines()[-1] == (
        "1 of 2 keywords heard, 10 ms after their ends on average; 1 missed, "
        f"{len(others)} false accepts"
    )


def test_a_word_that_ends_at_once_and_is_missed_comes_first(pld, bundle, tmp_path):
    path, words = tmp_path / "a.wav", tmp_path / "a.csv"
    path.write_bytes(wav(np.zeros(2000, np.int16)))
    words.write_text("word,start_s,end_s\nyes,0,0\nno,1,1.5\n")
    code, out, _ = pld("listen", path, "--bundle", bundle, "--words", words, "--json")
    report = json.loads(out)
    assert code == 0
    assert [row["said_s"] for row in report["words"]] == [0.0, 1.5]
    assert (report["false_rejects"], report["mean_delay_s"]) == (2, None)


def test_the_command_refuses_a_bad_file_with_exit_code_2(pld, bundle, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"no")
    code, out, err = pld("listen", path, "--bundle", bundle)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
