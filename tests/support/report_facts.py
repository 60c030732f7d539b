"""Facts of a report page that no training made, with names that would be markup."""

import json
from dataclasses import replace
from typing import Any

from pld_tf.report.bundle_files import LayerCosts, Manifest
from pld_tf.report.facts import (
    Cell,
    Confusion,
    Firmware,
    HeardClip,
    Origin,
    Page,
    Paper,
    Rung,
    StreamFacts,
    Subject,
    Tested,
)
from pld_tf.report.run_files import PaperReport, RungMetrics
from pld_tf.streams.trade_off import TradeOff

HOSTILE = "<script>alert(1)</script>&\"'$x$"
CLASSES = ("yes", HOSTILE, "unknown", "silence")
# A PNG of one pixel is not needed: nothing here decodes it.
PICTURE, AUDIO = "aGVsbG8=", "Zmxh"


def protocols(accuracy: float = 0.75) -> dict[str, Any]:
    """As `pld-tf evaluate --json` gives them."""
    one = {
        "accuracy": accuracy,
        "low": accuracy - 0.25,
        "high": accuracy + 0.125,
        "decisions": 40,
        "precision": {},
        "recall": {},
        "confusion": [[8, 2, 0, 0], [1, 9, 0, 0], [0, 0, 10, 0], [0, 3, 0, 7]],
    }
    distances = [{"from_ms": 0, "to_ms": 50, "crops": 30, "accuracy": 0.9}]
    return {
        name: one | ({"by_distance_ms": distances} if name == "random" else {})
        for name in ("centre", "random", "loudest", "sliding")
    }


def manifest_values(**changes: Any) -> dict[str, Any]:
    """A manifest as pld-tf export writes it, as far as the page reads it."""
    stage = {
        "stage": "generated C", "against": HOSTILE, "crops_from": "golden", "crops": 16,
        "what": "logits", "values": 160, "differing": 0, "by_steps": {}, "flipped": 0,
    }  # fmt: skip
    layers = [
        {"name": HOSTILE, "operator": "CONV_2D", "function": "f", "macs": 10, "instructions": 99},
        {"name": "end", "operator": "FULLY_CONNECTED", "function": "g", "macs": 1,
         "instructions": None},
    ]  # fmt: skip
    tuned = {
        "split": "validation", "hours": 1.0, "false_reject_rate": 0.125,
        "false_accepts_per_hour": {"wanted": 1.0, "measured": 1.0},
    }  # fmt: skip
    return {
        "format": 1, "kind": "int8", "recipe_name": HOSTILE, "seed": 3, "data_key": "abc",
        "rung": 1, "length_ms": 500, "commit": None, "versions": {"numpy": HOSTILE},
        "export_versions": {"tensorflow": "2"}, "model_bundle_sha256": "00", "variant": "ptq",
        "refused": None, "model": {"bytes": 2048, "parameters": 10, "macs": 11},
        "validation": {
            "crops": 40, "accuracy_float": 0.75, "loss_points": 0.5,
            "loss_interval_points": [-1.0, 2.0], "agreement": 0.975, "stages": [stage],
            "limits": {"loss_points": 1.0, "flips_percent": 0.5},
            "stages_skipped": {HOSTILE: HOSTILE},
        },
        "arena": {"bytes": 1024, "bytes_with_margin": 2048, "version": "x"},
        "c_model": {"scratch_bytes": 64, "layers": layers},
        "parity": {
            "stages": [{"stage": "generated C", "against": "TFLite Micro", "what": "model",
                        "inputs": 20, "values": 80, "differing": 0}],
            "skipped": {},
        },
        "decision": {"hops_per_inference": 4, "smoothing": 2, "refractory_ms": 750,
                     "thresholds": {"yes": 100}, "tuned": tuned},
    } | changes  # fmt: skip


def manifest(**changes: Any) -> Manifest:
    return Manifest.model_validate_json(json.dumps(manifest_values(**changes)))


def stream_report() -> dict[str, Any]:
    """As `pld-tf tune --json` gives it."""
    return {
        "keywords": [{"keyword": HOSTILE, "threshold": 0.5, "recordings": 9, "spoken": 20,
                      "false_rejects": 3, "false_accepts": 6}],
        "smoothing": 2, "false_accepts": 6, "missing": ["running speech"],
        "false_reject_interval": [0.05, 0.25], "false_accepts_per_hour_interval": [5.0, 30.0],
        "tuned": {"split": "test", "hours": 0.5, "keywords_spoken": 20, "false_reject_rate": 0.15,
                  "false_accepts_per_hour": {"wanted": 1.0, "measured": 12.0}},
    }  # fmt: skip


def core_report() -> dict[str, Any]:
    """As `pld-tf bench --json` gives it for cortex-m4."""
    return {
        "compiler": HOSTILE, "emulator": "QEMU", "mismatched_bytes": 0, "compared_bytes": 64,
        "instructions_per_inference": 4000, "instructions_per_hop": 100, "flash_bytes": 4096,
        "ram_bytes": 1536, "stack_bytes": 256,
        "layers": [{"operator": "CONV_2D", "instructions": 300, "share": 0.75},
                   {"operator": "FULLY_CONNECTED", "instructions": 100, "share": 0.25}],
    }  # fmt: skip


def firmware(**changes: Any) -> Firmware:
    curve = tuple(
        TradeOff(shift=float(shift), false_accepts=6 - shift, misses=3 + shift)
        for shift in (-1, 0, 1)
    )
    costs = {"format": 1, "crops": 40, "layers": [
        {"layer": HOSTILE, "divergence": 0.01, "flipped": 1, "accuracy_lost": 0.025}]}  # fmt: skip
    values: dict[str, Any] = {
        "path": HOSTILE, "manifest": manifest(), "hop_ms": 20, "core_name": "cortex-m4",
        "layer_costs": LayerCosts.model_validate_json(json.dumps(costs)),
        "core": core_report(),
        "stream": StreamFacts(report=stream_report(), curve=curve, commands=("one", HOSTILE)),
    }  # fmt: skip
    return Firmware(**(values | changes))


def rungs() -> tuple[Rung, ...]:
    def rung(number: int, teacher: str | None) -> Rung:
        history = [{"epoch": epoch, "loss": 1.0, "accuracy": 0.5} for epoch in range(3)]
        values = {
            "number": number, "network": 0, "length_ms": 1000 - 500 * number, "protocol": "loudest",
            "validation_clips": 40, "student_accuracy": 0.8, "best_epoch": 1, "epochs": 3,
            "teacher_accuracy": 0.9 if teacher else None, "history": history,
        }  # fmt: skip
        metrics = RungMetrics.model_validate_json(json.dumps(values))
        return Rung(student=HOSTILE, teacher=teacher, parameters=1, macs=2, metrics=metrics)

    return rung(0, None), rung(1, "rung 0")


def cells() -> tuple[Cell, ...]:
    clip = HeardClip(
        name=f"yes/{HOSTILE}.wav", shares=((HOSTILE, 0.6), ("yes", 0.4)), start_ms=100,
        length_ms=500, audio=AUDIO, picture=PICTURE,
    )  # fmt: skip
    counts = protocols()["loudest"]["confusion"]
    return tuple(
        Cell(label=label, prediction=prediction, count=count, clips=(clip,) if label < 2 else ())
        for label, row in enumerate(counts)
        for prediction, count in enumerate(row)
        if count
    )


def subject(**changes: Any) -> Subject:
    """A run with its bundle, which has everything."""
    values: dict[str, Any] = {
        "name": f"{HOSTILE}, seed 3",
        "paths": (HOSTILE, "bundle"),
        "origin": Origin(
            recipe_name=HOSTILE, seed=3, commit="c0ffee", versions={"numpy": HOSTILE},
            data_key="abc", flash_kb=4, ram_kb=None,
        ),
        "length_ms": 500, "classes": CLASSES, "clips": 40, "split": "test",
        "recordings": "from 20 recordings", "rungs": rungs(),
        "tested": (
            Tested(name="int8", protocols=protocols(), command="pld-tf bench"),
            Tested(name="float", protocols=protocols(0.8), command=f"pld-tf evaluate {HOSTILE}"),
        ),
        "confusion": Confusion(
            of="int8", counts=protocols()["loudest"]["confusion"], cells=cells()
        ),
        "firmware": firmware(), "missing": {}, "notes": (HOSTILE,),
    }  # fmt: skip
    return Subject(**(values | changes))


def run_alone() -> Subject:
    return replace(subject(), firmware=None, name="run alone")


def bundle_alone(**changes: Any) -> Subject:
    """A bundle on a machine without compilers."""
    nothing = firmware(core=None, stream=None, layer_costs=None, **changes)
    missing = {"core": "no compiler", "stream": HOSTILE, "layer_costs": "needs --layers"}
    return replace(subject(), firmware=nothing, rungs=(), name="bundle alone", missing=missing)


def paper() -> Paper:
    net = {"paper": 89.2, "protocols": {"loudest": {"mean": 0.8, "low": 0.7, "high": 0.9}}}
    values = {
        "format": 1, "command": f"pld-tf reproduce {HOSTILE}", "commit": None, "data_key": "abc",
        "seeds": 1, "clips": 16, "ladders": [{"ladder_ms": [1000, 500], "rungs": [net]}],
        "baselines": [{"title": HOSTILE, "protocols": {}}],
    }  # fmt: skip
    return Paper(path=HOSTILE, report=PaperReport.model_validate_json(json.dumps(values)))


def page(*subjects: Subject, papers: tuple[Paper, ...] = ()) -> Page:
    return Page(
        subjects=subjects, papers=papers, command=f"pld-tf report {HOSTILE}", version="9",
        commit="abcdef0123456789",
    )  # fmt: skip
