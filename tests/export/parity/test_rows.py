"""Rows of the parity table: what is counted, what is printed. Nothing runs."""

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from export.parity.rows import Row, count_steps, flips, is_no_tie, is_sure, table_text
from export.ports import REFERENCE
from export.tflite.facts import TensorInfo
from export.tflite.quantization import in_steps

INT8 = TensorInfo(shape=(1, 3), dtype="int8", scale=0.5, zero_point=-3)
UNQUANTIZED = TensorInfo(shape=(1, 3), dtype="float32", scale=0.0, zero_point=0)
STORED = arrays(np.int8, (5, 3))


def row(stage: str = "the stage", **changes) -> Row:
    values = {
        "against": REFERENCE, "crops_from": "validation", "crops": 1000, "what": "logits",
        "values": 3000, "by_steps": {}, "flipped": 0, "flipped_from_float": 0,
        "judged": 900, "judged_flips": 0,
    }  # fmt: skip
    return Row(stage=stage, **(values | changes))


# --- counted ---


@given(STORED, STORED)
def test_a_step_between_integers_is_their_difference(one, other):
    found = count_steps(one, other, INT8)
    differences = np.abs(one.astype(int) - other).ravel().tolist()
    assert found == {size: differences.count(size) for size in sorted({*differences} - {0})}


@given(STORED)
def test_what_integers_stand_for_differs_from_them_by_nothing(stored):
    standing_for = ((stored.astype(np.float32)) + 3) * np.float32(0.5)
    assert count_steps(stored, standing_for, INT8) == {}


def test_floats_are_compared_in_steps_of_the_integer_model_and_rounded_to_whole_ones():
    """1.0 is stored as -1; 0.26 of a logit is 0.52 steps, 0.24 is 0.48, 1.76 is 3.52."""
    one = np.float32([1.0, 1.0, 1.0])
    other = np.float32([1.26, 0.76, 2.76])
    assert in_steps(one, INT8).tolist() == [-1.0] * 3
    assert count_steps(one, other, INT8) == {1: 1, 4: 1}


def test_floats_above_the_range_of_the_integers_are_not_cut_off_and_those_below_are():
    assert count_steps(np.float32([1000.0]), np.int8([127]), INT8) == {1870: 1}
    assert count_steps(np.float32([-1000.0]), np.int8([-128]), INT8) == {}
    assert count_steps(np.float32([-1000.0]), np.int8([-126]), INT8) == {2: 1}


def test_two_stages_that_compute_in_float_are_compared_wherever_they_are():
    assert count_steps(np.float32([-1000.0]), np.float32([-999.0]), INT8) == {2: 1}


def test_a_model_that_is_not_quantized_has_steps_of_1():
    assert count_steps(np.float32([5.2]), np.float32([2.0]), UNQUANTIZED) == {3: 1}


def test_a_flip_is_another_highest_logit_and_of_equal_ones_the_first_counts():
    one = np.int8([[1, 2, 0], [5, 5, 0], [0, 5, 5]])
    other = np.float32([[9, 1, 0], [7, 7, 0], [0, 1, 2]])
    assert flips(one, other).tolist() == [True, False, True]


def test_float_is_sure_from_a_probability_of_nine_tenths_on():
    """Of two classes one has 0.9 where its logit is ln 9 = 2.197 higher."""
    logits = np.float32([[2.2, 0], [2.19, 0], [0, 2.2]])
    assert is_sure(logits, None).tolist() == [True, False, True]
    assert is_sure(logits, np.int32([0, 0, 0])).tolist() == [True, False, False]


def test_a_near_tie_is_decided_by_up_to_four_steps_whatever_the_third_class_has():
    stored = np.int8([[10, 6, -128], [10, 5, 5], [-128, 127, 127], [-128, 127, -128]])
    assert is_no_tie(stored).tolist() == [False, True, False, True]


# --- told ---


def test_a_row_for_the_manifest_has_its_counts_and_how_many_differ():
    told = row(by_steps={1: 40, 3: 2}, flipped=7, flipped_from_float=9, judged_flips=1).to_dict()
    assert told == {
        "stage": "the stage", "against": REFERENCE, "crops_from": "validation", "crops": 1000,
        "what": "logits", "values": 3000, "differing": 42, "by_steps": {"1": 40, "3": 2},
        "flipped": 7, "flipped_from_float": 9, "judged": 900, "judged_flips": 1,
    }  # fmt: skip


def test_the_table_has_a_line_for_each_row_and_each_stage_that_did_not_run():
    validation = {
        "stages": [
            row("one", by_steps={1: 1500, 2: 3}, flipped=4, flipped_from_float=6).to_dict(),
            row(
                "ears", against="TensorFlow", crops_from="golden", crops=16, what="features",
                by_steps={3: 1, 5: 1}, flipped=None, flipped_from_float=None, judged=None,
                judged_flips=None,
            ).to_dict(),
        ],
        "stages_skipped": {"two": "there is no C compiler"},
    }  # fmt: skip
    assert table_text(validation).splitlines() == [
        "stage  compared with             crops             values that differ     "
        "by steps        flipped     from float  flips that count",
        "one    TFLite reference kernels  1,000 validation  1,503 of 3,000 logits  "
        "1: 1,500, 2: 3  4 (0.40 %)  6           0 of 900",
        "ears   TensorFlow                16 golden         2 of 3,000 features    3 to 5: 2",
        "two: not run, there is no C compiler",
    ]
