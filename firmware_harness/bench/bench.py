"""Measures a bundle on the requested targets and returns one report. Joins the other modules."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.bench.devices import DEVICES, HOST, device_targets, require_tools
from firmware_harness.bench.ethos_u import ACCELERATORS, compile_for, require_vela
from firmware_harness.bench.tflm import tflm_target
from firmware_harness.bundle.c_files import GenerateC, sources_of
from firmware_harness.bundle.read import Bundle, ModelFile, open_bundle
from firmware_harness.errors import HarnessError
from firmware_harness.measure.accuracy import FLOAT, Examples, measure_accuracy
from firmware_harness.measure.costs import model_costs
from firmware_harness.measure.latency import measure_latency, summarize
from firmware_harness.measure.workload import require_int8
from firmware_harness.runtimes.host_library import open_library
from firmware_harness.runtimes.interpreter import Model, Resolver
from firmware_harness.runtimes.tflm import require_integers, require_tflm
from firmware_harness.runtimes.trial import try_models
from firmware_harness.system.machine import describe_machine
from firmware_harness.system.prefix import renamed_file
from firmware_harness.system.progress import Progress
from firmware_harness.system.source_commit import source_commit

__all__ = ["HOST", "TFLITE", "Examples", "bench_tflite", "check_targets"]

REPORT_FORMAT = 1
TFLITE, TFLM = "tflite", "tflm"
_KIND_OF_INPUT = {"int8": "int8", "int16": "int16x8", "float32": FLOAT}


def check_targets(targets: Sequence[str]) -> None:
    """Refuse unknown targets, and targets whose package or tools are not installed.

    Raises:
      HarnessError: there is such a target.
    """
    for name in targets:
        if name == TFLM:
            require_tflm()
        elif name in ACCELERATORS:
            require_vela()
        elif name in DEVICES:
            require_tools(name)
        elif name != TFLITE:
            known = ", ".join((TFLITE, TFLM, *DEVICES, *ACCELERATORS))
            raise HarnessError(f"--target must be one of {known}; got {name!r}.")


def bench_tflite(
    path: Path,
    *,
    examples: Examples | None,
    targets: Sequence[str] = (TFLITE,),
    threads: int = 1,
    runs: int = 300,
    warmup: int = 30,
    resolver: Resolver = "default",
    generate_c: GenerateC | None = None,
    layers: bool = False,
    command: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure a firmware bundle or a lone .tflite: size, accuracy, and the figures of each target.

    Args:
      path: folder written by `pld-tf export`, or any .tflite.
      examples: test crops; None leaves accuracy out.
      targets: "tflite" (latency, beside the float model), "tflm" (arena, every output byte against
        TFLite's reference kernels), any of `DEVICES` (the C, compiled and run or emulated), and
        any of `ACCELERATORS` (Vela's estimates).
      threads: of one inference, 1 to 128.
      runs: timed inferences of each model.
      warmup: untimed inferences of each model before those.
      resolver: "default" (optimized kernels, XNNPACK) or "reference" (plain kernels).
      generate_c: generates the C of a model that has none, for `DEVICES`.
      layers: also count instructions of each layer, on targets that count.
      command: what the user typed, for the report.
      progress: called with (phase, done, total); phases are "latency", "tflm", "devices",
        "accuracy".

    Returns:
      The JSON report; docs/formats.md, section "Bench report", names its fields.

    Raises:
      HarnessError: the bundle is damaged, a model cannot run, the examples do not fit it, or a
        target is unknown, lacks its package or refuses the model.
    """
    check_targets(targets)
    bundle = open_bundle(path, refused_too=True)
    try_models([file for file in (bundle.model, bundle.float_model) if file is not None])
    models = _load(bundle, resolver=resolver, threads=threads)
    # Delegates hide operators, and kernels rewrite weights. The reference resolver does neither.
    plain = Model(bundle.model, resolver="reference")
    kinds = _by_kind(bundle, models)
    measured: dict[str, Any] = {}
    if TFLITE in targets:
        measured |= _latencies(models, runs=runs, warmup=warmup, progress=progress)
    measured |= _extra_targets(targets, bundle, plain, progress=progress)
    devices = [name for name in DEVICES if name in targets]
    if devices:
        require_int8(plain, target=devices[0])
        sources = sources_of(bundle, path, generate_c)
        measured |= device_targets(
            devices, bundle, plain, sources, layers=layers, progress=progress
        )
    accuracy = None
    if examples is not None:
        through_c = _through_c(bundle, examples) if HOST in targets else None
        accuracy = measure_accuracy(kinds, examples, through_c=through_c, progress=progress)
    return {
        "format": REPORT_FORMAT,
        "model": _describe(bundle, plain, kind=next(iter(kinds))),
        "targets": measured,
        "accuracy": accuracy,
        "machine": describe_machine(),
        "commit": source_commit(),
        "command": command,
    }


def _through_c(bundle: Bundle, examples: Examples) -> NDArray[np.int8] | None:
    """Scores of the bundle's C for audio, front end included; None if it has no front end."""
    frontend = renamed_file("kws_frontend.c", bundle.prefix)
    if bundle.folder is None or examples.audio is None or frontend not in bundle.names:
        return None
    library = open_library(bundle.folder, prefix=bundle.prefix)
    return library.run_model(library.features(examples.audio))


def _load(bundle: Bundle, *, resolver: Resolver, threads: int) -> dict[str, Model]:
    files = {"tflite": bundle.model, "tflite_float": bundle.float_model}
    return {
        name: Model(file, resolver=resolver, threads=threads)
        for name, file in files.items()
        if file is not None
    }


def _by_kind(bundle: Bundle, models: Mapping[str, Model]) -> dict[str, Model]:
    dtype = models["tflite"].inputs[0].dtype
    kinds = {bundle.kind or _KIND_OF_INPUT.get(dtype, dtype): models["tflite"]}
    if "tflite_float" in models:
        kinds[FLOAT] = models["tflite_float"]
    return kinds


def _extra_targets(
    targets: Sequence[str], bundle: Bundle, plain: Model, *, progress: Progress | None
) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    if TFLM in targets:
        measured[TFLM] = tflm_target(bundle, plain, progress=progress)
    for accelerator in [name for name in ACCELERATORS if name in targets]:
        require_integers(plain, target=accelerator)
        measured[accelerator] = compile_for(accelerator, bundle.model)
    return measured


def _describe(bundle: Bundle, plain: Model, *, kind: str) -> dict[str, Any]:
    costs = model_costs(
        operators=plain.operators(),
        tensors=plain.tensors(),
        inputs=frozenset(info.index for info in plain.inputs),
    )
    return {
        "name": bundle.name,
        "file": bundle.model.name,
        "kind": kind,
        "recipe_name": bundle.recipe_name,
        "commit": bundle.commit,
        "refused": bundle.refused,
        "sha256": bundle.model.sha256,
        "bytes": len(bundle.model.content),
        "float_bytes": _float_bytes(bundle.float_model),
        "macs": costs.macs,
        "parameters": costs.parameters,
        "operators": [{"name": name, "count": count} for name, count in costs.operators],
        "input": plain.inputs[0].to_dict(),
        "output": plain.outputs[0].to_dict(),
    }


def _float_bytes(file: ModelFile | None) -> int | None:
    return None if file is None else len(file.content)


def _latencies(
    models: Mapping[str, Model], *, runs: int, warmup: int, progress: Progress | None
) -> dict[str, Any]:
    times = measure_latency(models, runs=runs, warmup=warmup, progress=progress)
    latencies = {name: summarize(series) for name, series in times.items()}
    targets: dict[str, Any] = {
        name: {
            "resolver": model.resolver,
            "delegate": model.delegate(),
            "threads": model.threads,
            "latency_ms": {**latencies[name], "warmup": warmup},
        }
        for name, model in models.items()
    }
    if "tflite_float" in latencies:
        ratio = latencies["tflite"]["median"] / latencies["tflite_float"]["median"]
        targets["tflite"]["ratio_to_float"] = ratio
    return targets
