"""The command `pld-tf export`: parses, calls one function, prints."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from export.errors import ExportError
from export.measured_arena import MeasureArena, no_tflm


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What whoever composes the commands brings from packages that this one does not import.

    Args:
      measure_arena: of a .tflite, on TFLite Micro.
      preflight: of a recipe by name or file: the report of `export.preflight`.
    """

    measure_arena: MeasureArena
    preflight: Callable[[str], dict[str, Any]]


def export(
    context: typer.Context,
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Run folder, or the model bundle in it; a recipe with --preflight.",
        ),
    ],
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
    max_loss: Annotated[
        float,
        typer.Option(min=0, help="Accuracy that may be lost against float, in points."),
    ] = 1.0,
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
    """Quantize a run's student and write its firmware bundle: .tflite, C files, manifest.

    The result is measured against its float twin on the validation split; when it loses more
    than --max-loss points, nothing is written.

    \b
    Examples:
      pld-tf export runs/demo --int8 --out bundles/demo
      pld-tf export runs/demo --rung 0 --out bundles/demo1000
      pld-tf export runs/demo --int16x8 --max-loss 0.5 --out bundles/demo16
      pld-tf export --preflight best_8kw
    """
    brought: Brought | None = context.obj
    if preflight:
        _preflight(str(run), brought, as_json=as_json)
        return
    if out is None:
        raise ExportError("--out is missing: name the folder to write.")
    # Here, because the interpreter takes time to load.
    from export.export import export_bundle, summary

    manifest = export_bundle(
        run,
        out=out,
        rung=rung,
        kind=_kind({"int8": int8, "float": float_, "int16x8": int16x8}),
        max_loss_points=max_loss,
        measure_arena=brought.measure_arena if brought else no_tflm,
        progress=lambda line: typer.echo(line, err=True),
    )
    typer.echo(json.dumps(manifest, indent=2) if as_json else summary(manifest, out=out))


def _preflight(recipe: str, brought: Brought | None, *, as_json: bool) -> None:
    from export.preflight import report_text, require_fit

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
