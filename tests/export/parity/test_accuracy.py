"""Comparing with a float twin, on numbers worked by hand; no interpreter runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.errors import ExportError
from export.parity.accuracy import Parity, compare
from export.tflite.facts import TensorInfo
from export.tflite.interpreter import FAST, run

INT8 = TensorInfo(shape=(1, 3), dtype="int8", scale=0.5, zero_point=-3)


def test_compare_counts_by_hand():
    float_logits = np.float32([[1, 0, 0], [0, 1, 0], [0, 0, 1], [2, 0, 0]])
    stored = np.int8([[-1, -3, -3], [0, -1, -3], [-1, -3, -2], [-3, -3, 1]])
    measured = compare(
        float_logits=float_logits, stored=stored, output=INT8, labels=np.int32([0, 1, 2, 2])
    )
    # int8 stands for [1,0,0], [1.5,1,0], [1,0,0.5], [0,0,2]: classes 0 0 0 2; float 0 1 2 0.
    assert (measured.crops, measured.correct_float, measured.correct_model) == (4, 3, 2)
    assert (measured.lost, measured.gained, measured.same) == (2, 1, 1)
    assert measured.max_logit_difference_steps == 4.0
    assert measured.loss_points == 25.0
    # Of the 3 crops that change sides 2 are lost: the exact interval of that share ends where
    # 3 low^2 - 2 low^3 = 0.025 and high^3 = 0.975, at 0.0943 and 0.9916.
    assert measured.to_dict("int8") == {
        "crops": 4, "accuracy_float": 0.75, "accuracy_int8": 0.5, "agreement": 0.25,
        "lost": 2, "gained": 1, "loss_points": 25.0, "loss_interval_points": [-60.8551, 73.7394],
        "max_logit_difference_steps": 4.0,
    }  # fmt: skip


def test_a_logit_too_low_for_the_output_counts_as_the_lowest():
    """-128 stands for (-128 + 3) * 0.5 = -62.5."""
    measured = compare(
        float_logits=np.float32([[0, -100]]),
        stored=np.int8([[-3, -127]]),
        output=INT8,
        labels=np.int32([0]),
    )
    assert measured.max_logit_difference_steps == 1.0


@given(st.integers(1, 10_000), st.integers(0, 100))
def test_a_loss_of_whole_points_is_exact(hundreds, points):
    correct = 100 * hundreds
    measured = Parity(
        crops=correct, correct_float=correct, lost=hundreds * points, gained=0, same=0,
        max_logit_difference_steps=0.0,
    )  # fmt: skip
    assert measured.loss_points == points


def test_a_file_the_interpreter_refuses_is_named(tmp_path):
    (tmp_path / "x.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(8))
    with pytest.raises(ExportError, match=r"cannot run .*x\.tflite"):
        run(tmp_path / "x.tflite", np.zeros((1, 2, 2), np.int8), resolver=FAST)
