"""The rules of the gate, on counts. Nothing runs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.errors import ExportError
from export.parity.accuracy import Parity
from export.parity.rows import Row
from export.parity.verdict import Fault, Limits, judge_loss, judge_rows
from export.ports import FLOAT, REFERENCE


def measured(*, lost: int, gained: int, crops: int = 1000) -> Parity:
    return Parity(
        crops=crops, correct_float=crops - crops // 20, lost=lost, gained=gained, same=crops,
        max_logit_difference_steps=0.0,
    )  # fmt: skip


def losses(limit: float = 1.0, **counts: int) -> list[Fault]:
    return list(judge_loss(measured(**counts), kind="int8", limits=Limits(loss_points=limit)))


def row(judged_flips: int, judged: int, *, stage: str = "the stage", **changes) -> Row:
    values = {
        "against": REFERENCE, "crops_from": "validation", "crops": 2000, "what": "logits",
        "values": 3000, "by_steps": {}, "flipped": 900, "flipped_from_float": 900,
    }  # fmt: skip
    counts = {"judged": judged, "judged_flips": judged_flips}
    return Row(stage=stage, **(values | counts | changes))


def flips(*rows: Row, percent: float = 0.5) -> list[Fault]:
    return list(judge_rows(rows, Limits(flips_percent=percent)))


# --- accuracy ---


def test_a_loss_of_just_the_limit_passes_and_one_crop_more_does_not():
    assert losses(lost=12, gained=2) == []
    assert len(losses(lost=13, gained=2)) == 1


def test_a_loss_over_the_limit_that_chance_explains_passes():
    """5 of 60 crops are 8.3 points, yet a coin gives five of five in one of 32 exports."""
    assert losses(lost=5, gained=0, crops=60) == []
    assert len(losses(lost=6, gained=0, crops=60)) == 1


def test_many_crops_that_change_sides_hide_a_small_loss():
    """11 points' worth of crops are lost and 9.4 gained: the balance of 1.6 may be chance."""
    assert losses(lost=110, gained=94) == []


def test_a_loss_is_told_with_its_interval_and_the_limit_that_would_pass():
    (fault,) = losses(lost=15, gained=0)
    assert fault.why == (
        "int8 loses 1.50 points of accuracy against float on 1,000 validation crops (95 % interval "
        "0.85 to 1.50; float 95.00 %, int8 93.50 %), more than --max-loss 1."
    )
    assert (fault.loss_points, fault.flips_percent) == (1.5, 0)
    assert losses(fault.loss_points, lost=15, gained=0) == []


# --- flips ---


def test_only_flips_that_count_are_judged():
    """900 of all 2,000 crops flip; of the 698 that count none does."""
    assert flips(row(0, 698)) == []


@pytest.mark.parametrize(("judged_flips", "refused"), [(10, False), (11, True)])
def test_flips_are_refused_once_their_interval_lies_above_the_limit(judged_flips, refused):
    """Of 1,000 crops, 10 flips have the lower end 0.48 %, 11 have 0.55 %."""
    assert bool(flips(row(judged_flips, 1000))) is refused


def test_one_flip_of_a_few_crops_is_chance():
    assert flips(row(1, 16)) == []


def test_where_no_flip_is_allowed_one_is_too_many():
    assert flips(row(0, 1000), percent=0) == []
    assert len(flips(row(1, 1000), percent=0)) == 1


def test_where_no_crop_counts_nothing_is_refused():
    assert flips(row(0, 0), percent=0) == []


def test_features_flip_no_label():
    features = replace(row(0, 0), what="features", judged=None, judged_flips=None)
    assert flips(features, percent=0) == []


@given(st.integers(0, 400), st.sampled_from([0, 0.5, 3]))
def test_the_limit_that_is_offered_lets_a_stage_pass(judged_flips, percent):
    for fault in flips(row(judged_flips, 400), percent=percent):
        assert fault.flips_percent > percent
        assert flips(row(judged_flips, 400), percent=fault.flips_percent) == []


def test_the_least_limits_are_wide_enough_for_all_faults_and_narrow_none():
    found = [*losses(lost=15, gained=0), *flips(row(20, 1000), row(30, 1000))]
    limits = Limits(loss_points=0.5).wide_enough(found)
    assert limits == Limits(loss_points=1.5, flips_percent=max(f.flips_percent for f in found))


def test_rounding_is_told_by_the_crops_that_float_is_sure_of():
    (fault,) = flips(row(20, 1000, stage=REFERENCE, against=FLOAT))
    assert fault.why == (
        "stage 'TFLite reference kernels' flips the label of 20 of 1,000 validation crops that "
        "'float, TFLite' gets right and is sure of (2.00 %, 95 % interval 1.23 to 3.07), more than "
        "--max-flips 0.5 %."
    )
    assert fault.by_rounding


def test_of_golden_crops_nobody_says_that_float_is_right():
    (fault,) = flips(row(9, 16, against=FLOAT, crops_from="golden"))
    assert "9 of 16 golden crops that 'float, TFLite' is sure of (" in fault.why


def test_kernels_that_disagree_are_told_by_the_crops_that_are_no_near_ties():
    first, second = flips(row(80, 1000, stage="a liar"), row(90, 1000, stage="its follower"))
    assert first.why.startswith("stage 'a liar' flips the label of 80 of 1,000 validation crops ")
    assert f"that are no near ties in '{REFERENCE}'" in first.why
    assert first.advice.startswith("Kernels disagree about the same integers")
    assert (first.by_rounding, second.stage) == (False, "its follower")


def test_a_float_tflite_unlike_tensorflow_is_of_another_network():
    (fault,) = flips(row(9, 16, stage=FLOAT, against="TensorFlow"))
    assert "is not the network that was trained; write the model bundle" in fault.advice


# --- limits ---


@pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan")])
def test_a_limit_that_is_no_percentage_is_refused(percent):
    with pytest.raises(ExportError, match="--max-flips must be from 0 to 100 percent, got"):
        Limits(flips_percent=percent)


@pytest.mark.parametrize("points", [-0.1, float("nan")])
def test_a_loss_that_bounds_nothing_is_refused(points):
    with pytest.raises(ExportError, match="--max-loss must be at least 0 points, got"):
        Limits(loss_points=points)


def test_none_and_all_are_limits():
    assert Limits(flips_percent=0).to_dict() == {"loss_points": 1.0, "flips_percent": 0}
    assert Limits(flips_percent=100).flips_percent == 100
