"""Is a model good enough? As far as anything says what enough is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pld_tf.report.facts import Firmware, StreamFacts, Subject
from pld_tf.report.text import KIB, kib, percent, plural, rate

Verdict = Literal["yes", "no", "not sure"]
MANY_MISSED = 0.5
FLOAT = "float"  # the kind of a bundle that nothing was rounded in


@dataclass(frozen=True, kw_only=True)
class Check:
    """A question that a figure answers."""

    verdict: Verdict
    question: str
    answer: str


def checks(subject: Subject) -> Iterator[Check]:
    """The questions that a subject's files and measurements answer."""
    firmware = subject.firmware
    if firmware is None:
        return
    if firmware.manifest.kind != FLOAT:
        yield _gate(firmware)
    yield from _same_bytes(firmware)
    yield from _fits(subject, firmware)
    if firmware.stream is not None:
        yield _few_enough(firmware, firmware.stream)
        yield from _hears(firmware.stream)


def _gate(firmware: Firmware) -> Check:
    question = f"Does {firmware.manifest.kind} keep the accuracy of float?"
    validation, refused = firmware.manifest.validation, firmware.manifest.refused
    loss = (
        f"it loses {validation.loss_points:.2f} points on {plural(validation.crops, 'crop')}, "
        f"{validation.limits.loss_points:g} allowed"
    )
    if refused is None:
        return Check(
            verdict="yes", question=question, answer=f"The export's gate passed it: {loss}."
        )
    why = " ".join(fault.why for fault in refused.faults)
    return Check(verdict="no", question=question, answer=f"The export refused it: {why}")


def _same_bytes(firmware: Firmware) -> Iterator[Check]:
    exact = firmware.manifest.parity
    if exact is None or not exact.stages:
        return
    values = sum(row.values for row in exact.stages)
    differing = sum(row.differing for row in exact.stages)
    against = exact.stages[0].against
    core = firmware.core
    on_core = (
        f" On {firmware.core_name} {core['mismatched_bytes']:,} of {core['compared_bytes']:,} "
        "bytes differ."
        if core
        else ""
    )
    wrong = differing or (core and core["mismatched_bytes"])
    yield Check(
        verdict="no" if wrong else "yes",
        question="Does the C give the right bytes?",
        answer=f"{differing:,} of {values:,} values differ from those of {against}.{on_core}",
    )


def _fits(subject: Subject, firmware: Firmware) -> Iterator[Check]:
    origin, manifest = subject.origin, firmware.manifest
    needs = [("flash", manifest.model.bytes, origin.flash_kb)]
    if manifest.arena is not None:
        needs.append(("RAM", manifest.arena.bytes, origin.ram_kb))
    limited = [(what, size, limit) for what, size, limit in needs if limit is not None]
    if not limited:
        return
    fits = all(size <= limit * KIB for _, size, limit in limited)
    parts = ", ".join(f"{kib(size)} of {limit} KiB of {what}" for what, size, limit in limited)
    yield Check(
        verdict="yes" if fits else "no",
        question="Does it fit the device of its recipe?",
        answer=f"The .tflite and its arena take {parts}.",
    )


def _few_enough(firmware: Firmware, stream: StreamFacts) -> Check:
    question = "Are there few enough false accepts?"
    decision = firmware.manifest.decision
    per_hour = stream.report["tuned"]["false_accepts_per_hour"]
    measured, wanted = per_hour["measured"], per_hour["wanted"]
    if decision is None or decision.tuned is None:
        answer = "Nothing says how many are well: pld-tf tune BUNDLE --data DATA sets thresholds."
        return Check(verdict="not sure", question=question, answer=answer)
    if measured is None:
        answer = "The test clips are too few, or hold no other words than keywords."
        return Check(verdict="not sure", question=question, answer=answer)
    low, high = stream.report["false_accepts_per_hour_interval"]
    said = decision.tuned.false_accepts_per_hour.measured
    tuned = "" if said is None else f", and gave {rate(said)} on the clips they were chosen on"
    answer = (
        f"The thresholds were chosen for {rate(wanted)} an hour{tuned}. On "
        f"{stream.report['tuned']['split']} clips there are {rate(measured)}, in the long run "
        f"{rate(low)} to {rate(high)}."
    )
    verdict: Verdict = "yes" if high <= wanted else "no" if low > wanted else "not sure"
    return Check(verdict=verdict, question=question, answer=answer)


def _hears(stream: StreamFacts) -> Iterator[Check]:
    """Nothing says how many misses are well, but no use is made of what misses most words."""
    interval = stream.report["false_reject_interval"]
    if interval is not None and interval[0] > MANY_MISSED:
        answer = f"It misses {percent(stream.report['tuned']['false_reject_rate'])} of them."
        yield Check(verdict="no", question="Does it hear its keywords?", answer=answer)
