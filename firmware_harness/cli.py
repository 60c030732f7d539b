"""The command `pld-tf flash`: parses, calls one function, prints."""

import json
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from firmware_harness.bundle.c_files import GenerateC
from firmware_harness.errors import HarnessError
from firmware_harness.system.temporary import temporary_folder


class Brought(Protocol):
    """What the caller brings from packages that this one may not import."""

    @property
    def generate_c(self) -> GenerateC: ...


def flash(
    context: typer.Context,
    bundle: Annotated[
        Path | None,
        typer.Argument(
            metavar="BUNDLE",
            help="Firmware bundle, or an int8 .tflite.",
            show_default=False,
        ),
    ] = None,
    board: Annotated[
        str | None,
        typer.Option("--board", "-b", help="Board by name, or a .toml of your own; see --list."),
    ] = None,
    build_only: Annotated[
        bool, typer.Option("--build-only", help="Only write ELF, BIN, HEX and UF2; needs --out.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder that keeps the files.")
    ] = None,
    list_boards: Annotated[bool, typer.Option("--list", help="List the boards.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Run the benchmark on a board and print its cycles.

    The command builds it and flashes it with pyOCD. The board runs stored crops and compares each
    byte. Emulated boards run in QEMU, which counts instructions.

    \b
    Flashing needs pyOCD:
      pip install 'pyocd==0.46.0'

    \b
    Examples:
      pld-tf flash --list
      pld-tf flash bundles/demo --board nucleo-l4r5zi
      pld-tf flash bundles/demo --board raspberry-pi-pico-2 --build-only --out firmware
      pld-tf flash bundles/demo --board my_board.toml
    """
    if list_boards:
        _list_boards(as_json=as_json)
        return
    if bundle is None or board is None:
        raise HarnessError("name a BUNDLE and a --board; pld-tf flash --list lists the boards.")
    if build_only and out is None:
        raise HarnessError("--build-only needs --out: name the folder for the files.")
    brought: Brought | None = context.obj
    with temporary_folder() as folder:
        report = _flash(
            bundle,
            board,
            out=out or folder,
            build_only=build_only,
            generate_c=brought.generate_c if brought else None,
        )
    if out is None:
        report["files"] = {}  # the temporary folder is gone
    typer.echo(json.dumps(report, indent=1) if as_json else _text(report))


def _flash(
    bundle: Path, name: str, *, out: Path, build_only: bool, generate_c: GenerateC | None
) -> dict[str, Any]:
    from firmware_harness.firmware.boards import load_board  # here, because these imports are slow
    from firmware_harness.firmware.flash import (
        build_for_board,
        image_report,
        require_pyocd,
        run_image,
    )

    board = load_board(name)
    if not build_only and not board.emulated:
        require_pyocd(board)
    image, workload = build_for_board(bundle, board=board, out=out, generate_c=generate_c)
    report = image_report(image)
    return report if build_only else {**report, **run_image(image, workload)}


def _list_boards(*, as_json: bool) -> None:
    from firmware_harness.firmware.boards import board_names, load_board
    from firmware_harness.system.tables import text_table

    boards = [load_board(name) for name in board_names()]
    if as_json:
        fields = [{"name": b.name, "core": b.core, "description": b.description} for b in boards]
        typer.echo(json.dumps(fields, indent=1))
        return
    typer.echo(text_table((board.name, board.description) for board in boards))


def _text(report: dict[str, Any]) -> str:
    lines = [f"{report['board']} ({report['core']})"]
    lines += [f"  {file['path']}: {file['bytes']:,} bytes" for file in report["files"].values()]
    lines += [
        f"  {area}, with stored crops: {report[f'image_{area}_bytes']:,} of "
        f"{report[f'board_{area}_bytes']:,} bytes"
        for area in ("flash", "ram")
    ]
    lines += [
        f"  {key.replace('_', ' ')}: {report[key]:,}"
        for key in (*_COUNTS, "stack_bytes", "mismatched_bytes")
        if report.get(key) is not None
    ]
    return "\n".join(lines)


_COUNTS = tuple(
    f"{unit}_per_{what}" for unit in ("cycles", "instructions") for what in ("inference", "hop")
)
