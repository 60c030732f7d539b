"""kws.h with a model that has a step: what is heard is what whole windows hear."""

import ctypes
from pathlib import Path

import numpy as np
import pytest
from c_models import VALID, Net
from hypothesis import given, settings
from hypothesis import strategies as st
from listening_bundle import sound
from stub_bundle import BINS, FRAMES, HOP, LABELS, SANITIZERS, build, compiler, run, write_c

from export.c_code.model import generate

FILES = ("kws.c", "kws_decision.c", "kws_frontend.c", "kws_frontend_tables.c", "kws_model.c")
HOPS = (1, 2, 3)  # of an inference: the first window begins with a step, or within one
WHOLE = "-DKWS_MODEL_WHOLE"


def write_model(folder: Path, hops: int) -> None:
    """A bundle of the stub's front end with a model that has a step."""
    net = Net((1, FRAMES, BINS, 1), scale=0.5)
    x = net.conv_2d(0, channels=3, kernel=(2, 2), padding=VALID, activation="RELU")
    x = net.conv_2d(x, channels=4, kernel=(2, 1), padding=VALID)
    made = generate(net.model(net.fully_connected(net.mean(x, [1, 2]), units=4)), hop=hops)
    assert made.step is not None
    write_c(folder, hops_per_inference=hops, smoothing=1)
    (folder / "kws_model.h").write_text(made.header)
    (folder / "kws_model.c").write_text(made.source)


class Stream:
    """kws.h as a library."""

    def __init__(self, folder: Path, hops: int, *defines: str) -> None:
        write_model(folder, hops)
        (folder / "size.c").write_text(
            '#include "kws.h"\nconst size_t size = sizeof(struct kws);\n'
        )
        options = ("-std=c99", "-O2", "-fPIC", "-shared", *defines)
        build(folder, *options, sources=(*FILES, "size.c"), out="k.so")
        self.library = ctypes.CDLL(str(folder / "k.so"))
        self.library.kws_time.restype = ctypes.c_uint64
        size = ctypes.c_size_t.in_dll(self.library, "size").value
        self.state = (ctypes.c_uint64 * (size // 8 + 1))()
        self.most = HOP * hops
        ctypes.memset(self.state, 0x55, ctypes.sizeof(self.state))
        assert self.library.kws_init(self.state, None) == 0

    def scores(self, samples: np.ndarray, sizes: list[int]) -> list[tuple[int, list[int]]]:
        """Time and scores of each inference in pieces of these sizes, in turn."""
        heard, done, turn = [], 0, 0
        assert self.library.kws_reset(self.state) == 0
        while done < len(samples):
            piece = samples[done : done + min(self.most, sizes[turn % len(sizes)])]
            out = (ctypes.c_uint16 * len(LABELS))()
            pointer = np.ascontiguousarray(piece, np.int16)
            status = self.library.kws_push_scores(
                self.state, ctypes.c_void_p(pointer.ctypes.data), ctypes.c_size_t(len(piece)), out
            )
            assert status in (0, 1)
            if status:
                heard.append((self.library.kws_time(self.state), list(out)))
            done, turn = done + len(piece), turn + 1
        return heard


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same bundle in steps and on whole windows, by hops of an inference."""
    compiler()
    return {
        hops: (
            Stream(tmp_path_factory.mktemp("steps"), hops),
            Stream(tmp_path_factory.mktemp("whole"), hops, WHOLE),
        )
        for hops in HOPS
    }


@settings(max_examples=30)
@given(
    hops=st.sampled_from(HOPS),
    sizes=st.lists(st.integers(0, HOP * 3), min_size=1, max_size=9).filter(any),
    seed=st.integers(0, 99),
)
def test_steps_hear_at_the_same_times_the_same_scores(both, hops, sizes, seed):
    samples = sound(300, seed)
    steps, whole = (each.scores(samples, sizes) for each in both[hops])
    assert steps == whole
    assert len(whole) > 10
    assert len({tuple(scores) for _, scores in whole}) > 3


def test_a_reset_begins_the_stream_anew(both):
    for stream in both[2]:
        first = stream.scores(sound(200, 1), [7])
        stream.scores(sound(123, 2), [5])
        assert stream.scores(sound(200, 1), [7]) == first
        assert stream.library.kws_reset(None) < 0


def test_sanitizers_find_nothing_in_a_stream_of_steps(tmp_path):
    write_model(tmp_path, 3)
    (tmp_path / "main.c").write_text(
        """\
#include <stdlib.h>
#include "kws.h"
int main(void)
{
    struct kws *k = malloc(sizeof *k);
    struct kws_result heard;
    int16_t samples[KWS_MAX_PUSH_SAMPLES];
    int status = kws_init(k, NULL);
    for (int push = 0; push < 200 && status >= 0; push++) {
        for (int i = 0; i < KWS_MAX_PUSH_SAMPLES; i++) samples[i] = (int16_t)(push * 37 % 251 - i);
        status = kws_push(k, samples, KWS_MAX_PUSH_SAMPLES, &heard);
    }
    free(k);
    return status < 0;
}
"""
    )
    options = ("-std=c99", "-O1", *SANITIZERS)
    run(build(tmp_path, *options, sources=(*FILES, "main.c"), out="main"))
