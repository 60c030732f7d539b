"""Whether a model is good enough: the verdicts, on figures made up for them."""

import pytest
import report_facts as made

from pld_tf.report.checks import checks

INT8, BYTES, FITS, ACCEPTS = (
    "Does int8 keep the accuracy of float?",
    "Does the C give the right bytes?",
    "Does it fit the device of its recipe?",
    "Are there few enough false accepts?",
)


def verdicts(**changes: object) -> dict[str, str]:
    """Of a subject whose firmware is changed so."""
    subject = made.subject(firmware=made.firmware(**changes))
    return {check.question: check.verdict for check in checks(subject)}


def in_stream(measured: float | None, interval: list[float] | None) -> str:
    """Verdict on false accepts an hour where 1 is wanted."""
    report = made.stream_report()
    report["tuned"]["false_accepts_per_hour"]["measured"] = measured
    report["false_accepts_per_hour_interval"] = interval
    stream = made.StreamFacts(report=report, curve=(), commands=())
    return verdicts(stream=stream)[ACCEPTS]


def test_a_good_model_whose_thresholds_let_too_much_through():
    """12 false accepts an hour, at least 5 with 95 %, are more than the 1 wanted."""
    assert verdicts() == {INT8: "yes", BYTES: "yes", FITS: "yes", ACCEPTS: "no"}


@pytest.mark.parametrize(
    ("measured", "interval", "verdict"),
    [
        (0.5, [0.0, 1.0], "yes"),
        (0.5, [0.0, 1.1], "not sure"),
        (1.5, [1.0, 4.0], "not sure"),
        (1.5, [1.1, 4.0], "no"),
        (None, None, "not sure"),
    ],
)
def test_a_verdict_on_false_accepts_needs_the_whole_interval_on_one_side(
    measured, interval, verdict
):
    assert in_stream(measured, interval) == verdict


def test_before_tune_nothing_says_how_many_false_accepts_are_well():
    decision = made.manifest_values()["decision"] | {"tuned": None}
    assert verdicts(manifest=made.manifest(decision=decision))[ACCEPTS] == "not sure"


def test_a_refused_model_is_told():
    refused = {"faults": [{"stage": "model", "why": "It loses 4 points."}], "command": "pld-tf"}
    assert verdicts(manifest=made.manifest(refused=refused))[INT8] == "no"


@pytest.mark.parametrize(("size", "verdict"), [(4096, "yes"), (4097, "no")])
def test_a_model_fits_up_to_the_last_byte_of_its_device(size, verdict):
    """The recipe allows 4 KiB."""
    model = {"bytes": size, "parameters": 1, "macs": 1}
    assert verdicts(manifest=made.manifest(model=model))[FITS] == verdict


@pytest.mark.parametrize(("kind", "asked"), [("int16x8", True), ("float", False)])
def test_the_first_question_names_the_kind_and_float_is_not_compared_with_itself(kind, asked):
    found = verdicts(manifest=made.manifest(kind=kind))
    assert (f"Does {kind} keep the accuracy of float?" in found) is asked


def test_one_differing_byte_on_the_core_is_one_too_many():
    assert verdicts(core=made.core_report() | {"mismatched_bytes": 1})[BYTES] == "no"


@pytest.mark.parametrize(("low", "told"), [(0.5, False), (0.51, True)])
def test_a_model_that_misses_most_keywords_is_told(low, told):
    report = made.stream_report() | {"false_reject_interval": [low, 1.0]}
    found = verdicts(stream=made.StreamFacts(report=report, curve=(), commands=()))
    assert (found.get("Does it hear its keywords?") == "no") is told


def test_nothing_is_asked_of_a_run_without_a_bundle():
    assert list(checks(made.run_alone())) == []
