"""The command `pld-tf export`: parses, calls one function, prints."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from export.c_code.optimize import Optimize
from export.errors import ExportError
from export.ports import NOTHING, BringHarness

# Parameters that have an effect with these options.
_WITH_TFLITE = frozenset({"from_tflite", "out", "int8", "as_json", "prefix", "optimize", "explain"})
_WITH_PREFLIGHT = frozenset({"preflight", "run", "int8", "as_json"})


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What the caller brings from packages that this one may not import.

    Args:
      preflight: takes a recipe's name or file, gives the report of `export.device_fit.preflight`.
      harness: gives what measures, runs further kernels, and holds the C that all bundles share.
      generate_c: for other commands: takes the path of a .tflite, gives C text by file name.
    """

    preflight: Callable[[str], dict[str, Any]]
    harness: BringHarness = lambda: NOTHING
    generate_c: Callable[[Path], dict[str, str]] | None = None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is printed of a manifest: JSON, or text with or without the plan of the C."""

    as_json: bool
    explain: bool


def export(
    context: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN",
            help="Run folder, or the model bundle in it; a recipe with --preflight.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to write; an older firmware bundle is replaced."),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Integers of 8 bits throughout. The default.")
    ] = False,
    float_: Annotated[bool, typer.Option("--float", help="No quantization.")] = False,
    int16x8: Annotated[
        bool, typer.Option("--int16x8", help="Activations of 16 bits, weights of 8.")
    ] = False,
    rung: Annotated[
        int | None, typer.Option(min=0, help="Rung to export, 0 first; the last one if not given.")
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Int8 student to take: ptq, or a name in the recipe's finish. If not given, the "
            "most accurate one on validation that passes the gate.",
        ),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Compare all int8 students. Without --out only that."),
    ] = False,
    max_loss: Annotated[
        float,
        typer.Option(min=0, help="Accuracy that may be lost against float, in points."),
    ] = 1.0,
    max_flips: Annotated[
        float,
        typer.Option(
            min=0,
            max=100,
            help="Crops, in percent, whose label one stage may change. Those count that float gets "
            "right and is sure of; between integers, those that are no near ties.",
        ),
    ] = 0.5,
    layers: Annotated[
        bool,
        typer.Option("--layers", help="Tell what quantizing each layer costs; quantization.json."),
    ] = False,
    optimize: Annotated[
        Optimize,
        typer.Option(
            help="What the C for Cortex-M cores with the DSP extension is to be good at: weights "
            "of 8 bits, of 16 bits, or of 16 where a byte of flash saves many instructions."
        ),
    ] = Optimize.BALANCED,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Tell how the C computes each layer: kernel, memory, instructions."
        ),
    ] = False,
    from_tflite: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="In place of RUN: an int8 .tflite from elsewhere."),
    ] = None,
    prefix: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Begin all names in C with this, so that two bundles link."
        ),
    ] = "kws",
    preflight: Annotated[
        bool,
        typer.Option(
            "--preflight",
            help="Only check that a recipe's last student will fit its [device]. Writes nothing.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the manifest, or the preflight report, as JSON.")
    ] = False,
) -> None:
    """Quantize a run's student and write its firmware bundle.

    A bundle holds the .tflite, C files and a manifest. The int8 model is compared with its float
    twin on the validation split. It must also pass the parity gate, from audio to label: TFLite,
    XNNPACK, TFLite Micro, generated C. A model is refused if it loses more than --max-loss points,
    or if one stage changes more than --max-flips of the labels, and chance alone does not explain
    it (exact 95 % intervals). A refused bundle is kept as OUT.refused, and the command that takes
    it is printed. If a student was finished in several ways, the most accurate int8 one that passes
    is taken.

    \b
    Examples:
      pld-tf export runs/demo --int8 --out bundles/demo
      pld-tf export runs/demo --rung 0 --out bundles/demo1000
      pld-tf export runs/demo --int16x8 --max-loss 0.5 --out bundles/demo16
      pld-tf export runs/demo --int8 --compare
      pld-tf export --from-tflite model.tflite --out bundles/model --optimize speed --explain
      pld-tf export --from-tflite vad.tflite --prefix vad --out bundles/vad
      pld-tf export --preflight best_8kw
    """
    brought: Brought | None = context.obj
    harness = brought.harness if brought else lambda: NOTHING
    if from_tflite is not None:
        _refuse_beside(from_tflite, run)
        _refuse_options(context, "--from-tflite", _WITH_TFLITE)
        shown = Shown(as_json=as_json, explain=explain)
        _from_tflite(
            from_tflite, _needed(out), harness, optimize=optimize, prefix=prefix, shown=shown
        )
        return
    if run is None:
        raise ExportError("RUN is missing: name a run folder, or a model with --from-tflite.")
    if preflight:
        _refuse_options(context, "--preflight", _WITH_PREFLIGHT)
        _preflight(str(run), brought, as_json=as_json)
        return
    kind = _kind({"int8": int8, "float": float_, "int16x8": int16x8})
    if compare and kind != "int8":
        raise ExportError(f"--compare is for int8 students; leave it out with --{kind}.")
    if compare and out is None:
        _compare(run, rung, as_json=as_json)
        return
    # Imported here, because the interpreter takes time to load.
    from export.jobs.from_run import export_bundle
    from export.jobs.text import export_text

    target = _needed(out)
    manifest = export_bundle(
        run,
        out=target,
        rung=rung,
        kind=kind,
        variant=variant,
        max_loss_points=max_loss,
        max_flips_percent=max_flips,
        layers=layers,
        optimize=optimize,
        prefix=prefix,
        harness=harness,
        progress=_note,
    )
    _show(manifest, export_text(manifest, out=target), Shown(as_json=as_json, explain=explain))


def _needed(out: Path | None) -> Path:
    if out is None:
        raise ExportError("--out is missing: name the folder to write.")
    return out


def _refuse_beside(model: Path, run: Path | None) -> None:
    if run is not None:
        raise ExportError(f"RUN ({run}) and --from-tflite ({model}) exclude each other.")


def _refuse_options(context: typer.Context, beside: str, taken: frozenset[str]) -> None:
    """Refuse what was given on the command line and would have no effect."""
    for name, parameter in ((each.name, each) for each in context.command.params):
        source = context.get_parameter_source(name or "")
        if name not in taken and source is not None and source.name == "COMMANDLINE":
            raise ExportError(
                f"{parameter.opts[0]} has no effect with {beside}. Leave it out, or give a RUN "
                f"without {beside}."
            )


def _from_tflite(
    model: Path, out: Path, harness: BringHarness, *, optimize: Optimize, prefix: str, shown: Shown
) -> None:
    from export.jobs.from_tflite import export_tflite, tflite_summary

    manifest = export_tflite(
        model, out=out, optimize=optimize, prefix=prefix, harness=harness, progress=_note
    )
    _show(manifest, tflite_summary(manifest, out=out), shown)


def _show(manifest: dict[str, Any], text: str, shown: Shown) -> None:
    from export.c_code.plan_text import plan_text

    if shown.as_json:
        typer.echo(json.dumps(manifest, indent=2))
        return
    if shown.explain and manifest["c_model"] is not None:
        typer.echo(f"{plan_text(manifest['c_model'])}\n")
    elif shown.explain:
        typer.echo("There is no plan to explain, because the bundle has no kws_model.c.\n")
    typer.echo(text)


def _compare(run: Path, rung: int | None, *, as_json: bool) -> None:
    from export.jobs.compare import compare_run

    compared = compare_run(run, rung=rung, progress=_note).to_dict()
    if as_json:
        typer.echo(json.dumps(compared, indent=2))
    else:
        _print_comparison(compared)


def _print_comparison(compared: dict[str, Any] | None) -> None:
    from export.jobs.compare import comparison_text

    if compared is None:
        typer.echo("There is one int8 student, ptq; a recipe's finish makes others to compare.")
    else:
        typer.echo(comparison_text(compared))


def _note(line: str) -> None:
    typer.echo(line, err=True)


def _preflight(recipe: str, brought: Brought | None, *, as_json: bool) -> None:
    from export.device_fit.preflight import report_text, require_fit

    if brought is None:
        raise ExportError("--preflight needs the command pld-tf: export alone knows no recipe.")
    report = brought.preflight(recipe)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
        require_fit(report)
    else:
        typer.echo(report_text(report))


def _kind(asked: dict[str, bool]) -> str:
    kinds = [kind for kind, wanted in asked.items() if wanted]
    if len(kinds) > 1:
        raise ExportError(f"--{kinds[0]} and --{kinds[1]} exclude each other; give one of them.")
    return kinds[0] if kinds else "int8"
