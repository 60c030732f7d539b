"""Turn a model bundle into a firmware bundle. Formats: docs/formats.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.c_code.files import apply_prefix, check_prefix
from export.c_code.optimize import Optimize
from export.errors import ExportError
from export.jobs import compare
from export.jobs.bundle_files import origin_and_model, write_c, write_crops
from export.jobs.exact_bytes import check_bytes
from export.jobs.gate import Gate, explain_rounding, run_gate
from export.jobs.refused import Asked, keep_beside, place_beside, refusal, refused_entry
from export.jobs.students import Candidate, Work, convert_candidates
from export.model_bundle.read import ModelBundle, read_bundle
from export.model_bundle.students import PLAIN, find_students
from export.parity import accuracy
from export.parity.measure import FLOAT_MODEL, MODEL
from export.parity.verdict import (
    DEFAULT_MAX_FLIPS,
    DEFAULT_MAX_LOSS,
    Fault,
    Limits,
    judge_loss,
)
from export.ports import NOTHING, BringHarness, Harness
from export.system.files import Json, check_replaceable, new_folder, sha256, write_json
from export.system.prefix import DEFAULT
from export.system.progress import Progress
from export.tflite import interpreter
from export.tflite.facts import ModelInfo, inspect
from export.tflite.quantization import quantize


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What every student is made and judged with."""

    plain: ModelBundle
    asked: Asked
    gate: Gate
    brought: Harness


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """A whole bundle of one student, the rules it breaks, and the layer that costs most."""

    candidate: Candidate
    manifest: Json
    faults: tuple[Fault, ...]
    costly: str | None


def export_bundle(
    run: Path,
    *,
    out: Path,
    rung: int | None = None,
    kind: str = "int8",
    variant: str | None = None,
    max_loss_points: float = DEFAULT_MAX_LOSS,
    max_flips_percent: float = DEFAULT_MAX_FLIPS,
    layers: bool = False,
    optimize: Optimize = Optimize.BALANCED,
    prefix: str = DEFAULT,
    harness: BringHarness = lambda: NOTHING,
    progress: Progress = lambda line: None,
) -> Json:
    """Convert the student of a run, measure it against its float twin and write its bundle.

    Args:
      run: a run folder, or the model bundle in it.
      out: folder to write; replaces an older firmware bundle there once the new one is complete.
      rung: which rung's student, from 0; None for the last.
      kind: "int8", "int16x8" or "float".
      variant: which int8 student, "ptq" or a way of finishing. None for the most accurate one on
        the validation crops that passes the gate; if several are equal, the plainest.
      max_loss_points: accuracy that may be lost against float, in percentage points.
      max_flips_percent: of the crops that count, those whose label may change at one stage.
      layers: also write quantization.json, what quantizing each layer costs.
      optimize: what the C for the DSP extension is to be good at.
      prefix: of all names in C, in place of kws.
      harness: gives what measures the arena, runs further stages, and holds the C of all bundles.
      progress: called with one line before each step.

    Returns:
      the manifest.

    Raises:
      ExportError: a wrong bundle, a failed conversion or a float operator left; nothing is written
        then. Or no student passes the gate: the bundle of the most accurate one is in OUT.refused.
    """
    limits = Limits(loss_points=max_loss_points, flips_percent=max_flips_percent)
    asked = Asked(
        run=run,
        out=out,
        rung=rung,
        kind=kind,
        variant=variant,
        optimize=optimize,
        prefix=prefix,
        limits=limits,
    )
    _check_asked(asked, layers=layers)
    plain = read_bundle(run, rung=rung)
    students = find_students(plain, variant=variant) if kind == "int8" else {PLAIN: plain}
    check_replaceable(place_beside(out))
    brought = harness()
    gate = Gate(stages=brought.stages, limits=limits, layers=layers, progress=progress)
    job = _Job(plain=plain, asked=asked, gate=gate, brought=brought)
    with new_folder(out) as stage:
        attempt = _best_attempt(students, job, Work(root=stage))
        Work(root=stage).leave(attempt.candidate)
        write_json(stage / "manifest.json", attempt.manifest)
        if attempt.faults:
            place = keep_beside(stage, out)
            raise refusal(attempt.faults, asked=asked, costly=attempt.costly, place=place)
    return attempt.manifest


def _check_asked(asked: Asked, *, layers: bool) -> None:
    check_prefix(asked.prefix)
    if layers and asked.kind == "float":
        raise ExportError("--layers tells what quantization costs; leave it out with --float.")
    if asked.variant is not None and asked.kind != "int8":
        raise ExportError(
            f"--variant chooses among int8 students; leave it out with --{asked.kind}."
        )


def _best_attempt(students: Mapping[str, ModelBundle], job: _Job, work: Work) -> _Attempt:
    """The most accurate student that passes, or the most accurate one if none does."""
    progress, variant = job.gate.progress, job.asked.variant
    candidates, passed_over = convert_candidates(
        students, kind=job.asked.kind, needed=variant, work=work, progress=progress
    )
    ranked, compared = _rank(candidates, job.plain, work)
    attempts: list[_Attempt] = []
    for name in [variant] if variant else ranked:
        if attempts:
            progress(f"trying {name}, the next best: {attempts[-1].faults[0].why}")
        attempts.append(_attempt(candidates[name], job))
        if not attempts[-1].faults:
            break
        passed_over[name] = attempts[-1].faults[0].why
    taken = attempts[0] if attempts[-1].faults else attempts[-1]
    passed_over.pop(taken.candidate.name, None)
    return _Attempt(
        candidate=taken.candidate,
        manifest=taken.manifest | {"compared": compared, "passed_over": passed_over},
        faults=taken.faults,
        costly=taken.costly,
    )


def _rank(
    candidates: Mapping[str, Candidate], plain: ModelBundle, work: Work
) -> tuple[Sequence[str], Json | None]:
    """Names, most accurate first, and the table that shows it; None if there is only one."""
    if len(candidates) == 1:
        return list(candidates), None
    models = {name: candidate.folder / MODEL for name, candidate in candidates.items()}
    compared = compare.compare(plain, float_model=work.twin(PLAIN), models=models)
    return compared.ranked, compared.to_dict()


def _attempt(candidate: Candidate, job: _Job) -> _Attempt:
    """Write every file of a student's bundle but the manifest, and judge the student.

    Crops, labels and features stay the plain student's, also the float model: finished students are
    measured against it.
    """
    kind, plain, folder = job.asked.kind, job.plain, candidate.folder
    progress = job.gate.progress
    model = inspect(folder / MODEL)
    crops = len(plain.validation_labels)
    progress(f"measuring {candidate.name} as {kind} against float on {crops} crops")
    measured = _measure(plain, model=model, folder=folder)
    faults = list(judge_loss(measured, kind=kind, limits=job.gate.limits))
    write_crops(plain, model=model, folder=folder)
    about_c = write_c(
        plain, model, kind=kind, optimize=job.asked.optimize, brought=job.brought, folder=folder
    )
    if about_c["c_model_refused"]:
        progress(f"no kws_model.c: {about_c['c_model_refused']}")
    passed: Json = {"stages": [], "stages_skipped": {}}
    costly = None
    if kind != "float":
        passed, flipping = run_gate(folder, candidate, job.gate)
        faults += flipping
        costly = explain_rounding(folder, candidate, job.gate, faults)
    if about_c["c_model"]:
        about_c["parity"] = check_bytes(folder, model, stages=job.gate.stages, progress=progress)
    about_c |= apply_prefix(folder, job.asked.prefix)
    manifest = origin_and_model(plain, model=model, kind=kind, folder=folder) | about_c
    manifest["validation"] = measured.to_dict(kind) | {"limits": job.gate.limits.to_dict()} | passed
    manifest["variant"] = candidate.name if kind == "int8" else None
    manifest["model_bundle_sha256"] = sha256(candidate.student.directory / "bundle.json")
    manifest["refused"] = refused_entry(faults, job.asked)
    return _Attempt(candidate=candidate, manifest=manifest, faults=tuple(faults), costly=costly)


def _measure(bundle: ModelBundle, *, model: ModelInfo, folder: Path) -> accuracy.Parity:
    crops = bundle.validation_features
    return accuracy.compare(
        float_logits=interpreter.run(folder / FLOAT_MODEL, crops, resolver=interpreter.FAST),
        stored=interpreter.run(
            folder / MODEL, quantize(crops, model.input), resolver=interpreter.FAST
        ),
        output=model.output,
        labels=bundle.validation_labels,
    )
