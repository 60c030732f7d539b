"""The command `pld-tf export`: parses, calls one function, prints."""

import json
from pathlib import Path
from typing import Annotated

import typer

from export.errors import ExportError


def export(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Run folder, or the model bundle in it.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder to write; an older firmware bundle is replaced."),
    ],
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
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Quantize a run's student and write its firmware bundle: .tflite, C files, manifest.

    The result is measured against its float twin on the validation split; when it loses more
    than --max-loss points, nothing is written.

    \b
    Examples:
      pld-tf export runs/demo --int8 --out bundles/demo
      pld-tf export runs/demo --rung 0 --out bundles/demo1000
      pld-tf export runs/demo --int16x8 --max-loss 0.5 --out bundles/demo16
    """
    # Here, because the interpreter takes time to load.
    from export.export import export_bundle, summary

    manifest = export_bundle(
        run,
        out=out,
        rung=rung,
        kind=_kind({"int8": int8, "float": float_, "int16x8": int16x8}),
        max_loss_points=max_loss,
        progress=lambda line: typer.echo(line, err=True),
    )
    typer.echo(json.dumps(manifest, indent=2) if as_json else summary(manifest, out=out))


def _kind(asked: dict[str, bool]) -> str:
    kinds = [kind for kind, wanted in asked.items() if wanted]
    if len(kinds) > 1:
        raise ExportError(f"--{kinds[0]} and --{kinds[1]} exclude each other; give one of them.")
    return kinds[0] if kinds else "int8"
