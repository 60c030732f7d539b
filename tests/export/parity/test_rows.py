"""Rows of the parity table: what is counted, what is refused, what is printed. Nothing runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from export.errors import ExportError
from export.parity.rows import (
    Row,
    allowed_flips,
    check_max_flips,
    count_flips,
    count_steps,
    refuse_flips,
    table_text,
)
from export.ports import FLOAT, REFERENCE
from export.tflite.facts import TensorInfo
from export.tflite.quantization import in_steps

INT8 = TensorInfo(shape=(1, 3), dtype="int8", scale=0.5, zero_point=-3)
UNQUANTIZED = TensorInfo(shape=(1, 3), dtype="float32", scale=0.0, zero_point=0)
STORED = arrays(np.int8, (5, 3))


def row(stage: str = "the stage", **changes) -> Row:
    values = {
        "against": REFERENCE, "crops_from": "validation", "crops": 1000, "what": "logits",
        "values": 3000, "by_steps": {}, "flipped": 0, "flipped_from_float": 0,
    }  # fmt: skip
    return Row(stage=stage, **(values | changes))


def unasked() -> str:
    raise AssertionError("nobody asked which layer costs most")


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
    assert count_flips(one, other) == 2


# --- refused ---


@given(st.integers(1, 10**6), st.integers(1, 10_000))
def test_of_whole_hundredths_of_a_percent_as_many_are_allowed_as_on_paper(crops, hundredths):
    assert allowed_flips(crops, hundredths / 100) == max(1, crops * hundredths // 10_000)


def test_half_a_percent_of_1000_crops_is_5_and_the_6th_is_refused():
    refuse_flips([row(flipped=5)], max_flips_percent=0.5, blame=unasked)
    with pytest.raises(ExportError, match=r"label of 6 of 1,000 validation crops .*\(0\.60 %\)"):
        refuse_flips([row(flipped=6)], max_flips_percent=0.5, blame=unasked)


def test_the_first_stage_that_flips_too_many_is_named_with_what_it_is_compared_with():
    rows = [row("good", flipped=1), row("a liar", flipped=80), row("its follower", flipped=90)]
    with pytest.raises(ExportError, match=f"^stage 'a liar' .* against '{REFERENCE}'"):
        refuse_flips(rows, max_flips_percent=0.5, blame=unasked)


def test_where_integers_flip_labels_of_floats_the_layer_that_costs_most_is_told():
    bad = row(REFERENCE, against=FLOAT, flipped=80)
    with pytest.raises(ExportError, match=r"Conv2D_3 costs most\. Finish the student with quant"):
        refuse_flips([bad], max_flips_percent=0.5, blame=lambda: "Conv2D_3 costs most.")


def test_where_kernels_disagree_no_layer_is_blamed():
    with pytest.raises(ExportError, match="Kernels disagree about the same integers"):
        refuse_flips([row(flipped=80)], max_flips_percent=0.5, blame=unasked)


def test_a_float_tflite_unlike_tensorflow_is_of_another_network():
    bad = row(FLOAT, against="TensorFlow", flipped=80)
    with pytest.raises(ExportError, match="is not the network that was trained; write the model"):
        refuse_flips([bad], max_flips_percent=0.5, blame=unasked)


def test_what_is_refused_is_one_line():
    with pytest.raises(ExportError) as refused:
        refuse_flips([row(flipped=80)], max_flips_percent=0.5, blame=unasked)
    assert "\n" not in str(refused.value)
    assert "more than --max-flips 0.5 %; nothing was written" in str(refused.value)


def test_features_flip_no_label():
    features = row(what="features", by_steps={9: 3000}, flipped=None, flipped_from_float=None)
    refuse_flips([features], max_flips_percent=0, blame=unasked)


def test_what_flips_from_float_alone_is_shown_but_not_judged():
    refuse_flips([row(flipped=0, flipped_from_float=900)], max_flips_percent=0, blame=unasked)


@pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan")])
def test_a_limit_that_is_no_percentage_is_refused(percent):
    with pytest.raises(ExportError, match="--max-flips must be from 0 to 100 percent, got"):
        check_max_flips(percent)


@pytest.mark.parametrize("percent", [0, 100])
def test_none_and_all_are_percentages(percent):
    check_max_flips(percent)


# --- told ---


def test_a_row_for_the_manifest_has_its_counts_and_how_many_differ():
    told = row(by_steps={1: 40, 3: 2}, flipped=7, flipped_from_float=9).to_dict()
    assert told == {
        "stage": "the stage", "against": REFERENCE, "crops_from": "validation", "crops": 1000,
        "what": "logits", "values": 3000, "differing": 42, "by_steps": {"1": 40, "3": 2},
        "flipped": 7, "flipped_from_float": 9,
    }  # fmt: skip


def test_the_table_has_a_line_for_each_row_and_each_stage_that_did_not_run():
    validation = {
        "stages": [
            row("one", by_steps={1: 1500, 2: 3}, flipped=4, flipped_from_float=6).to_dict(),
            row(
                "ears", against="TensorFlow", crops_from="golden", crops=16, what="features",
                by_steps={3: 1, 5: 1}, flipped=None, flipped_from_float=None,
            ).to_dict(),
        ],
        "stages_skipped": {"two": "there is no C compiler"},
    }  # fmt: skip
    assert table_text(validation).splitlines() == [
        "stage  compared with             crops             values that differ     "
        "by steps        flipped     from float",
        "one    TFLite reference kernels  1,000 validation  1,503 of 3,000 logits  "
        "1: 1,500, 2: 3  4 (0.40 %)  6",
        "ears   TensorFlow                16 golden         2 of 3,000 features    3 to 5: 2",
        "two: not run, there is no C compiler",
    ]
