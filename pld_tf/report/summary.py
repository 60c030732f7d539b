"""The headline row of a model: what it can do, and what it takes."""

from collections.abc import Iterator
from dataclasses import dataclass

from pld_tf.report.facts import Firmware, StreamFacts, Subject
from pld_tf.report.text import (
    NOT_MEASURED,
    between,
    kib,
    large,
    percent,
    plural,
    rate,
)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A figure, its name, and what it was measured on."""

    label: str
    value: str
    detail: str = ""


def tiles(subject: Subject) -> list[Tile]:
    """The headline row of a subject."""
    firmware = subject.firmware
    stream = firmware.stream if firmware else None
    return [_accuracy(subject), *_in_a_stream(stream), *_on_a_core(firmware)]


def _accuracy(subject: Subject) -> Tile:
    first = subject.tested[0]
    loudest = first.protocols["loudest"]
    return Tile(
        label="accuracy",
        value=percent(loudest["accuracy"]),
        detail=f"{between(loudest['low'], loudest['high'])}; {first.name}, the loudest "
        f"{subject.length_ms} ms of {plural(subject.clips, f'{subject.split} clip')}",
    )


def _in_a_stream(stream: StreamFacts | None) -> Iterator[Tile]:
    accepts, misses = "false accepts an hour", "keywords missed"
    if stream is None:
        yield from (Tile(label=name, value=NOT_MEASURED) for name in (accepts, misses))
        return
    report, tuned = stream.report, stream.report["tuned"]
    per_hour, interval = (
        tuned["false_accepts_per_hour"]["measured"],
        report["false_accepts_per_hour_interval"],
    )
    edges = f"{rate(interval[0])} to {rate(interval[1])}; " if interval else ""
    heard = f"{tuned['hours']:g} h of {tuned['split']} clips over noise"
    yield Tile(
        label=accepts,
        value="not known" if per_hour is None else rate(per_hour),
        detail=f"{edges}{report['false_accepts']} in {heard}",
    )
    rejects = report["false_reject_interval"]
    yield Tile(
        label=misses,
        value=percent(tuned["false_reject_rate"]),
        detail=(f"{between(*rejects)}; " if rejects else "")
        + f"of {plural(tuned['keywords_spoken'], 'keyword')} in the same stream",
    )


def _on_a_core(firmware: Firmware | None) -> Iterator[Tile]:
    names = ("flash", "RAM", "instructions a second")
    core = firmware.core if firmware else None
    if firmware is None or core is None:
        yield from (Tile(label=name, value=NOT_MEASURED) for name in names)
        return
    yield Tile(
        label=names[0],
        value=kib(core["flash_bytes"]),
        detail=f"program and model on {firmware.core_name}; the .tflite alone has "
        f"{kib(firmware.manifest.model.bytes)}",
    )
    yield Tile(
        label=names[1],
        value=kib(core["ram_bytes"]),
        detail=f"of it {plural(core['stack_bytes'], 'byte')} of stack; no audio buffer",
    )
    yield _instructions(firmware, names[2])


def _instructions(firmware: Firmware, label: str) -> Tile:
    core, decision = firmware.core or {}, firmware.manifest.decision
    inference, hop = core["instructions_per_inference"], core["instructions_per_hop"]
    if inference is None or hop is None or decision is None:
        return Tile(label=label, value=NOT_MEASURED)
    hops = 1000 / firmware.hop_ms
    inferences = hops / decision.hops_per_inference
    return Tile(
        label=label,
        value=large(hop * hops + inference * inferences),
        detail=f"of audio: {hops:.3g} hops of {hop:,}, "
        f"{inferences:.3g} inferences of {inference:,}",
    )
