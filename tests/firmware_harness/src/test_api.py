"""kws.h: the words of a stream, its errors, and the example that reads a WAV file."""

import ctypes
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listening_bundle import sound
from stub_bundle import (
    EXAMPLE,
    FRAMES,
    HOP,
    KEYWORDS,
    LABELS,
    OUTPUT_SCALE,
    RATE,
    SANITIZERS,
    WINDOW,
    build,
    compiler,
    run,
    stub_features,
    stub_logits,
    write_c,
)

from export.c_code.decision import exp_of_minus
from firmware_harness.bundle.shared_c import bundle_sources
from pld_tf.streams.decision import decide, scores_of

FILES = ("kws.c", "kws_decision.c", "kws_frontend.c", "kws_frontend_tables.c", "kws_model.c")
HOPS_PER_INFERENCE, SMOOTHING, REFRACTORY = 2, 2, 2
MOST = HOP * HOPS_PER_INFERENCE
OK, ERR_ARG, ERR_MODEL = 0, -1, -2
NEVER = 32769
TABLE = np.array(exp_of_minus(OUTPUT_SCALE))


class Config(ctypes.Structure):
    _fields_ = (
        ("thresholds", ctypes.c_uint16 * len(KEYWORDS)),
        ("refractory", ctypes.c_uint16),
        ("smoothing", ctypes.c_uint8),
    )


class Result(ctypes.Structure):
    _fields_ = (("time", ctypes.c_uint64), ("word", ctypes.c_int), ("score", ctypes.c_uint16))


class Api:
    """kws.h through ctypes; one stream at a time."""

    def __init__(self, folder: Path) -> None:
        write_c(folder)
        (folder / "size.c").write_text(
            '#include "kws.h"\nconst size_t size = sizeof(struct kws);\n'
        )
        build(folder, "-std=c99", "-O2", "-fPIC", "-shared", sources=(*FILES, "size.c"), out="k.so")
        self.library = ctypes.CDLL(str(folder / "k.so"))
        self.library.kws_time.restype = ctypes.c_uint64
        self.size = ctypes.c_size_t.in_dll(self.library, "size").value
        self.state = (ctypes.c_uint64 * (self.size // 8 + 1))()

    def init(self, config: Config | None = None) -> int:
        return self.library.kws_init(self.state, config and ctypes.byref(config))

    def push(self, samples, name="kws_push", out=None):
        samples = np.ascontiguousarray(samples, np.int16)
        pointer = ctypes.c_void_p(samples.ctypes.data if len(samples) else None)
        return getattr(self.library, name)(
            self.state, pointer, ctypes.c_size_t(len(samples)), ctypes.byref(out)
        )

    def words(self, samples, sizes):
        """(time, word, score) of a stream in pieces of these sizes, in turn."""
        assert self.init() == OK
        heard, done, turn = [], 0, 0
        while done < len(samples):
            piece = samples[done : done + sizes[turn % len(sizes)]]
            result = Result()
            if self.push(piece, out=result) == 1:
                heard.append((result.time, result.word, result.score))
            done, turn = done + len(piece), turn + 1
        return heard

    @property
    def time(self) -> int:
        return self.library.kws_time(self.state)


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    return Api(tmp_path_factory.mktemp("api"))


def expected(samples):
    """What the stub hears, in NumPy: times, scores, words."""
    frames = stub_features(samples)
    last = range(FRAMES, len(frames) + 1, HOPS_PER_INFERENCE)
    logits = np.array([stub_logits(frames[end - FRAMES : end]) for end in last], np.int8)
    times = [WINDOW + (end - 1) * HOP for end in last]
    scores = scores_of(logits.reshape(-1, len(LABELS)), TABLE)
    fired = decide(
        scores[:, : len(KEYWORDS)],
        thresholds=np.array([16384, 16384]),
        smoothing=SMOOTHING,
        refractory=REFRACTORY,
    )
    return times, scores, [(times[one.inference], one.keyword, one.mean) for one in fired]


def test_words_are_those_of_the_parts_one_after_the_other(api):
    samples = sound(4000)
    words = expected(samples)[2]
    assert len(words) > 5
    assert {word for _, word, _ in words} == {0, 1}
    assert api.words(samples, [MOST]) == words


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(0, MOST), min_size=1, max_size=12).filter(any),
    seed=st.integers(0, 99),
)
def test_any_split_of_the_stream_hears_the_same_words(api, sizes, seed):
    samples = sound(600, seed)
    assert api.words(samples, sizes) == expected(samples)[2]


def test_the_state_may_lie_at_any_address_of_its_type(api):
    """Scratch is aligned within the state: the stub model refuses it otherwise."""
    room = (ctypes.c_uint64 * (api.size // 8 + 16))()
    for shift in range(0, 128, 8):
        state = ctypes.c_void_p(ctypes.addressof(room) + shift)
        api.library.kws_init(state, None)
        statuses = set()
        for piece in np.split(sound(160), 160 // MOST):
            result = Result()
            statuses.add(
                api.library.kws_push(
                    state,
                    ctypes.c_void_p(np.ascontiguousarray(piece).ctypes.data),
                    ctypes.c_size_t(MOST),
                    ctypes.byref(result),
                )
            )
        assert ERR_MODEL not in statuses


def test_scores_come_with_each_inference(api):
    samples = sound(400)
    times, scores, _ = expected(samples)
    assert api.init() == OK
    found = []
    for start in range(0, len(samples), MOST):
        out = (ctypes.c_uint16 * len(LABELS))()
        if api.push(samples[start : start + MOST], "kws_push_scores", out) == 1:
            found.append((api.time, list(out)))
    assert found == list(zip(times, scores.tolist(), strict=True))


def test_the_first_inference_is_when_all_frames_have_been_heard(api):
    assert api.init() == OK
    first = WINDOW + (FRAMES - 1) * HOP
    for sample in range(1, first + MOST + 1):
        ran = api.push(np.zeros(1), "kws_push_scores", (ctypes.c_uint16 * len(LABELS))())
        assert ran == (sample in (first, first + MOST))
        assert api.time == (0 if sample < first else first if sample < first + MOST else sample)


def test_no_samples_are_no_error(api):
    assert api.init() == OK
    assert api.push(np.zeros(0), out=Result()) == 0


def test_a_push_of_too_many_samples_takes_none(api):
    samples = sound(800)
    assert api.init() == OK
    assert api.push(samples[: MOST + 1], out=Result()) == ERR_ARG
    heard = []
    for start in range(0, 800, MOST):
        result = Result()
        if api.push(samples[start : start + MOST], out=result) == 1:
            heard.append((result.time, result.word, result.score))
    assert heard == expected(samples)[2]


def test_null_pointers_are_errors(api):
    library, result, two = api.library, Result(), (ctypes.c_int16 * 2)()
    two_samples = ctypes.c_size_t(2)
    assert library.kws_init(None, None) == ERR_ARG
    assert api.init() == OK
    assert library.kws_push(None, two, two_samples, ctypes.byref(result)) == ERR_ARG
    assert library.kws_push(api.state, None, two_samples, ctypes.byref(result)) == ERR_ARG
    assert library.kws_push(api.state, two, two_samples, None) == ERR_ARG
    assert library.kws_push_scores(api.state, two, two_samples, None) == ERR_ARG


@pytest.mark.parametrize(
    ("thresholds", "smoothing", "status"),
    [((1, NEVER), 16, OK), ((0, 1), 1, ERR_ARG), ((1, 1), 17, ERR_ARG), ((1, 1), 0, ERR_ARG)],
)
def test_init_refuses_a_config_out_of_range(api, thresholds, smoothing, status):
    assert api.init(Config((ctypes.c_uint16 * 2)(*thresholds), 0, smoothing)) == status


def test_a_config_is_used_in_place_of_the_bundles(api):
    deaf = Config((ctypes.c_uint16 * 2)(NEVER, NEVER), 0, 1)
    assert api.init(deaf) == OK
    assert {api.push(piece, out=Result()) for piece in np.split(sound(800), 800 // MOST)} == {0}


def test_an_error_of_the_model_is_told_and_the_stream_goes_on(api):
    """The stub refuses a first frame of 127 in both bins: the first inference hears one."""
    samples = sound(800)
    samples[:WINDOW] = 20000
    assert api.init() == OK
    statuses = [api.push(piece, out=Result()) for piece in np.split(samples, 800 // MOST)]
    first = (WINDOW + (FRAMES - 1) * HOP - 1) // MOST
    assert [i for i, status in enumerate(statuses) if status < 0] == [first]
    assert statuses[first] == ERR_MODEL
    assert 1 in statuses
    assert api.time == expected(samples)[0][-1]


def test_a_result_is_left_alone_without_a_word(api):
    assert api.init() == OK
    result = Result(7, 8, 9)
    for _ in range(50):
        assert api.push(np.zeros(MOST), out=result) == 0
    assert (result.time, result.word, result.score) == (7, 8, 9)


def test_init_begins_a_stream_anew(api):
    samples = sound(600)
    first = api.words(samples, [MOST])
    assert api.words(samples, [3]) == first


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("kws_model.h", "OUTPUT_BYTES 4", "OUTPUT_BYTES 5", "is of another model than"),
        ("kws_model.h", "INPUT_BYTES 10", "INPUT_BYTES 9", "is of another model than"),
        (
            "kws_decision_config.h",
            "HOPS_PER_INFERENCE 2",
            "HOPS_PER_INFERENCE 6",
            "1 to KWS_FRAMES",
        ),
        (
            "kws_decision_config.h",
            "HOPS_PER_INFERENCE 2",
            "HOPS_PER_INFERENCE 0",
            "1 to KWS_FRAMES",
        ),
    ],
)
def test_files_of_two_bundles_do_not_compile(name, old, new, message, tmp_path):
    folder = write_c(tmp_path)
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))
    command = [compiler(), "-fsyntax-only", "kws.c"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert message in ended.stderr


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = write_c(tmp_path_factory.mktemp("example"))
    (folder / "examples").mkdir()
    (folder / EXAMPLE).write_text(bundle_sources()[EXAMPLE])
    options = ("-std=c99", "-O1", "-I.", *SANITIZERS)
    return build(folder, *options, sources=(*FILES, EXAMPLE), out="kws_example")


def write_wav(path, samples, *, rate=RATE, channels=1, width=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def test_the_example_prints_the_words_of_a_wav_file(example, tmp_path):
    samples = sound(1000)
    said = run(example, write_wav(tmp_path / "a.wav", samples)).stdout.decode()
    lines = [
        f"{time / RATE:.2f} s {KEYWORDS[word]} {score / 32768:.2f}"
        for time, word, score in expected(samples)[2]
    ]
    assert said.splitlines() == lines
    assert lines


def test_the_example_skips_chunks_before_the_samples(example, tmp_path):
    plain = write_wav(tmp_path / "a.wav", sound(1000))
    data = plain.read_bytes()
    other = tmp_path / "b.wav"
    other.write_bytes(data[:36] + b"LIST\x03\x00\x00\x00abc\x00" + data[36:])
    assert run(example, other).stdout == run(example, plain).stdout != b""


def test_the_example_hears_no_more_than_the_file_says(example, tmp_path):
    plain = write_wav(tmp_path / "a.wav", sound(1000))
    before = run(example, plain).stdout
    plain.write_bytes(plain.read_bytes() + sound(3000, 1).tobytes())
    assert run(example, plain).stdout == before


@pytest.mark.parametrize("cut", [0, 3, 11, 20, 40, 44])
def test_the_example_refuses_half_a_file_in_one_line(example, tmp_path, cut):
    path = write_wav(tmp_path / "a.wav", sound(100))
    path.write_bytes(path.read_bytes()[:cut])
    if cut == 44:  # a header that promises samples, of which none come
        assert run(example, path).stdout == b""
        return
    refuses(example, path)


@pytest.mark.parametrize("changed", [{"rate": 8000}, {"channels": 2}, {"width": 1}])
def test_the_example_refuses_another_format(example, tmp_path, changed):
    refuses(example, write_wav(tmp_path / "a.wav", sound(100), **changed))


def test_the_example_needs_one_file(example, tmp_path):
    refuses(example)
    refuses(example, tmp_path / "none.wav")


def refuses(example, *arguments):
    ended = subprocess.run([example, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr == f"usage: {example} FILE.wav (16 bits, mono, 1000 Hz)\n"


def test_the_example_has_fewer_than_60_lines():
    assert len(bundle_sources()[EXAMPLE].splitlines()) < 65


def test_the_example_of_a_lone_model_takes_numbers_and_gives_numbers(tmp_path):
    """The stub's logits: sums of the two bins, the latest feature, and 0; scales of 1/2 and 1/4."""
    folder = write_c(tmp_path)
    ends = "INPUT_SCALE 0.5f", "INPUT_ZERO_POINT 1", "OUTPUT_SCALE 0.25f", "OUTPUT_ZERO_POINT (-2)"
    with (folder / "kws_model.h").open("a") as header:
        header.writelines(f"#define KWS_MODEL_{end}\n" for end in ends)
    name = "examples/kws_model_example.c"
    (folder / "examples").mkdir()
    (folder / name).write_text(bundle_sources()[name])
    options = ("-std=c99", "-O1", "-I.", *SANITIZERS)
    made = build(folder, *options, sources=("kws_model.c", name), out="model_example")
    numbers = "1 -1 0.5 0.24 0.25 -0.26 0 0 1e9 -1e9\n"
    said = run(made, input=numbers.encode()).stdout.decode().split()
    stored = [3, -1, 2, 1, 2, 0, 1, 1, 127, -128]
    logits = [min(127, sum(stored[::2])), sum(stored[1::2]), stored[-1], 0]
    assert [float(each) for each in said] == [0.25 * (logit + 2) for logit in logits]
