"""Scores into words: the C of kws_decision.c against its NumPy twin and a slow obvious version."""

import ctypes
import itertools
import math
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stub_bundle import KEYWORDS, LABELS, OUTPUT_SCALE, STRICT, compiler, decision, write_c

from export.c_code.decision import (
    MAX_SMOOTHING,
    NEVER,
    config_header,
    default_decision,
    exp_of_minus,
    refractory_inferences,
)
from export.errors import ExportError
from pld_tf.streams.decision import Fired, decide, scores_of, smoothed

ONE = 32768
NONE = -1


class Config(ctypes.Structure):
    _fields_ = (
        ("thresholds", ctypes.c_uint16 * len(KEYWORDS)),
        ("refractory", ctypes.c_uint16),
        ("smoothing", ctypes.c_uint8),
    )


class CDecision:
    """kws_decision.c through ctypes; the state is larger than it needs to be, and guarded."""

    def __init__(self, folder):
        write_c(folder)
        command = [compiler(), "-std=c99", "-O2", *STRICT, "-fPIC", "-shared"]
        subprocess.run([*command, "kws_decision.c", "-o", "d.so"], cwd=folder, check=True)
        self.library = ctypes.CDLL(str(folder / "d.so"))
        self.state = (ctypes.c_uint32 * 64)()

    def init(self, thresholds, smoothing, refractory):
        config = Config((ctypes.c_uint16 * 2)(*thresholds), refractory, smoothing)
        return self.library.kws_decision_init(self.state, ctypes.byref(config))

    def step(self, scores):
        mean = ctypes.c_uint16(12345)
        given = (ctypes.c_uint16 * len(LABELS))(*scores)
        return self.library.kws_decision_step(self.state, given, ctypes.byref(mean)), mean.value

    def fired(self, scores, thresholds, smoothing, refractory):
        assert self.init(thresholds, smoothing, refractory) == 0
        steps = [self.step([*row, 0, 0]) for row in scores]
        return [
            Fired(inference=i, keyword=word, mean=mean)
            for i, (word, mean) in enumerate(steps)
            if word != NONE
        ]

    def scores(self, logits):
        made = (ctypes.c_uint16 * len(LABELS))()
        self.library.kws_decision_scores((ctypes.c_int8 * len(LABELS))(*logits), made)
        return list(made)


@pytest.fixture(scope="module")
def c(tmp_path_factory):
    return CDecision(tmp_path_factory.mktemp("decision"))


def slowly(scores, thresholds, smoothing, refractory):
    """The words of kws_decision.h, one after the other."""
    fired, silent = [], 0
    for i in range(len(scores)):
        if silent > 0:
            silent -= 1
            continue
        last = scores[max(0, i - smoothing + 1) : i + 1]
        means = [sum(row[word] for row in last) / smoothing for word in range(len(thresholds))]
        loud = [word for word, mean in enumerate(means) if mean >= thresholds[word]]
        if loud:
            best = max(loud, key=lambda word: means[word])
            fired.append(Fired(inference=i, keyword=best, mean=int(means[best])))
            silent = refractory
    return fired


CASES = st.fixed_dictionaries(
    {
        "scores": st.lists(
            st.tuples(*[st.sampled_from([0, 1, 9000, 16384, 16385, 30000, ONE])] * 2), max_size=60
        ),
        "thresholds": st.tuples(*[st.sampled_from([1, 5000, 16384, 16385, ONE, NEVER])] * 2),
        "smoothing": st.integers(1, MAX_SMOOTHING),
        "refractory": st.sampled_from([0, 1, 2, 7, 65535]),
    }
)


@settings(max_examples=400)
@given(CASES)
def test_c_fires_as_the_slow_version_does(c, case):
    assert c.fired(**case) == slowly(**case)


@settings(max_examples=400)
@given(CASES)
def test_numpy_fires_as_the_slow_version_does(case):
    scores = np.array(case["scores"], int).reshape(-1, 2)
    found = decide(
        scores,
        thresholds=np.array(case["thresholds"]),
        smoothing=case["smoothing"],
        refractory=case["refractory"],
    )
    assert found == slowly(**case)


@settings(max_examples=400)
@given(st.lists(st.integers(-128, 127), min_size=4, max_size=4))
def test_scores_of_c_are_numpys(c, logits):
    table = np.array(exp_of_minus(OUTPUT_SCALE))
    assert c.scores(logits) == scores_of(np.array([logits], np.int8), table)[0].tolist()


@given(st.lists(st.integers(-128, 127), min_size=4, max_size=4))
def test_scores_are_the_softmax_to_a_part_in_32768(c, logits):
    terms = [math.exp(OUTPUT_SCALE * (logit - max(logits))) for logit in logits]
    exact = [ONE * term / sum(terms) for term in terms]
    np.testing.assert_allclose(c.scores(logits), exact, atol=1.5)


def test_worked_scores():
    """Two equal logits far above the others share all; equal four have a quarter each."""
    table = np.array(exp_of_minus(10.0))
    assert scores_of(np.array([[5, 5, -9, -9]], np.int8), table).tolist() == [[16384, 16384, 0, 0]]
    assert scores_of(np.full((1, 4), -128, np.int8), table).tolist() == [[8192] * 4]
    assert scores_of(np.array([[127, -128, 0, 0]], np.int8), table).tolist() == [[ONE, 0, 0, 0]]


def test_scores_before_the_first_inference_are_zero(c):
    assert c.fired([(ONE, 0)] * 3, (ONE, NEVER), 3, 0) == [Fired(inference=2, keyword=0, mean=ONE)]
    assert smoothed(np.array([[5], [5], [5]]), 2).tolist() == [[5], [10], [10]]


def test_the_higher_mean_fires_and_of_equal_ones_the_first(c):
    assert c.fired([(9000, 9001)], (1, 1), 1, 0)[0].keyword == 1
    assert c.fired([(9000, 9000)], (1, 1), 1, 0)[0].keyword == 0


def test_a_threshold_is_reached_by_equality(c):
    assert c.fired([(9000, 0)], (9000, NEVER), 1, 0)
    assert not c.fired([(8999, 0)], (9000, NEVER), 1, 0)


def test_never_does_not_fire(c):
    assert c.fired([(ONE, ONE)] * 20, (NEVER, NEVER), 1, 0) == []


def test_nothing_fires_for_the_refractory_time(c):
    fired = c.fired([(ONE, ONE)] * 9, (1, 1), 1, 3)
    assert [one.inference for one in fired] == [0, 4, 8]


def test_without_a_word_the_mean_is_left_alone(c):
    c.init((ONE, ONE), 1, 0)
    assert c.step([ONE - 1, 0, 0, 0]) == (NONE, 12345)


@pytest.mark.parametrize(
    ("thresholds", "smoothing", "status"),
    [
        ((1, NEVER), 1, 0),
        ((ONE, 1), MAX_SMOOTHING, 0),
        ((0, 1), 1, -1),
        ((1, NEVER + 1), 1, -1),
        ((1, 65535), 1, -1),
        ((1, 1), 0, -1),
        ((1, 1), MAX_SMOOTHING + 1, -1),
    ],
)
def test_init_refuses_numbers_out_of_their_ranges(c, thresholds, smoothing, status):
    assert c.init(thresholds, smoothing, 0) == status


def test_a_refused_config_leaves_the_state_as_it_was(c):
    c.init((1, 1), 2, 0)
    before = bytes(c.state)
    assert c.init((0, 1), 1, 0) == -1
    assert bytes(c.state) == before


def test_the_default_config_is_the_headers(c):
    config = Config()
    c.library.kws_decision_default(ctypes.byref(config))
    # refractory 24 ms, inferences every 8 ms: two are kept silent, so three lie between
    assert (list(config.thresholds), config.smoothing, config.refractory) == ([16384] * 2, 2, 2)


@given(st.integers(0, 10**6), st.integers(1, 5000))
def test_detections_lie_the_refractory_time_apart(refractory_ms, inference_ms):
    silent = refractory_inferences(refractory_ms, inference_ms=inference_ms)
    if silent < 65535:
        assert (silent + 1) * inference_ms >= refractory_ms
    assert silent == 0 or silent * inference_ms < refractory_ms


def test_an_untuned_decision_runs_about_every_60_ms():
    assert default_decision(KEYWORDS, hop_ms=20, frames=24)["hops_per_inference"] == 3
    assert default_decision(KEYWORDS, hop_ms=32, frames=24)["hops_per_inference"] == 2
    assert default_decision(KEYWORDS, hop_ms=100, frames=24)["hops_per_inference"] == 1
    assert default_decision(KEYWORDS, hop_ms=1, frames=5)["hops_per_inference"] == 5


def header(**changed):
    return config_header(
        decision(**changed), keywords=KEYWORDS, hop_ms=4, output_scale=0.5, digest="00"
    )


def test_thresholds_stand_in_the_order_of_the_labels():
    text = header(thresholds={"né": 2, "yes": 1, "unknown": 3})
    assert "#define KWS_THRESHOLDS { \\\n    1, 2 \\\n}" in text


def test_the_header_says_which_command_chose_its_numbers():
    assert header().startswith("/* Generated by `pld-tf export` for model.tflite, sha256 00.")
    assert header(tuned={"hours": 1}).startswith("/* Generated by `pld-tf tune` for")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"smoothing": 0}, "smoothing of the decision must be a whole number from 1 to 16, got 0"),
        ({"smoothing": 17}, "from 1 to 16, got 17"),
        ({"smoothing": True}, "from 1 to 16, got True"),
        ({"refractory_ms": -1}, "refractory_ms of the decision .* from 0 to 1000000, got -1"),
        ({"hops_per_inference": 0}, "hops_per_inference of the decision"),
        ({"thresholds": {"yes": 1}}, "né of the decision .* from 1 to 32769, got None"),
        ({"thresholds": {"yes": 1, "né": 32770}}, "from 1 to 32769, got 32770"),
        ({"thresholds": [1, 1]}, "thresholds must be an object"),
    ],
)
def test_numbers_out_of_range_are_refused(changed, message):
    with pytest.raises(ExportError, match=message):
        header(**changed)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_an_output_scale_that_is_none_is_refused(scale):
    with pytest.raises(ExportError, match="must be quantized with a positive scale"):
        exp_of_minus(scale)


def test_the_table_falls_from_one():
    table = exp_of_minus(0.05)
    assert (len(table), table[0]) == (256, 65535)
    assert all(a >= b for a, b in itertools.pairwise(table))
    assert table[20] == round(65535 / math.e)
