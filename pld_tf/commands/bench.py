"""The command bench: parse, call one function, print."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from pld_tf.bridge.for_export import generate_c
from pld_tf.commands.options import (
    Html,
    Json,
    SkipBad,
    command_line,
    is_corpus,
    is_firmware_bundle,
    note,
)
from pld_tf.system.stderr import load_tensorflow


def bench(
    bundle: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE",
            help="Firmware bundle, or a .tflite file.",
            callback=is_firmware_bundle,
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            "-d",
            help="Corpus that gives accuracy, also another than trained on.",
            callback=is_corpus,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write this report as .json and .md.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=128, help="Threads of one inference.")] = 1,
    protocol: Annotated[
        Literal["centre", "random", "loudest", "sliding"],
        typer.Option(help="How test clips are cropped."),
    ] = "loudest",
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="NAME",
            help="tflite, tflm, host, cortex-m4, -m7, -m33, -m55, ethos-u55-128; repeatable.",
        ),
    ] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="Instructions of each layer on cortex-m targets.")
    ] = False,
    html: Html = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Measure an exported model: latency, accuracy, memory.

    Without --target, the TFLite interpreter runs it, beside its float model. Other targets. tflm:
    TensorFlow Lite Micro, its arena and output bytes. host: the bundle's C on this machine; with
    --data also accuracy from raw samples. cortex-m4, -m7, -m33, -m55: the C on emulated boards,
    with instructions, flash, RAM and stack. ethos-u55-128: cycles and memory of an Arm Ethos-U. The
    C of a bundle is compiled and run: use only bundles that you trust.

    \b
    Examples:
      pld-tf bench bundles/demo --data demo/speech --out bundles/demo-report
      pld-tf bench bundles/demo --target tflite --target tflm
      pld-tf bench bundles/demo --target cortex-m4 --layers --html bench.html
      pld-tf bench model.tflite --target ethos-u55-128 --json
    """
    from firmware_harness.bench.bench import HOST, TFLITE, bench_tflite, check_targets
    from firmware_harness.report.page import render_markdown, report_paths, write_report
    from pld_tf.system.progress import progress_bar

    asked = targets or [TFLITE]
    check_targets(asked)
    if out is not None:  # before a long measurement
        report_paths(out)
    examples = None
    if data is not None:
        load_tensorflow()
        from pld_tf.bridge.bench_examples import bundle_examples

        examples = bundle_examples(
            bundle,
            data=data,
            protocol=protocol,
            audio=HOST in asked,
            skip_bad=skip_bad,
            say=note,
        )
    with progress_bar("bench", unit="runs") as advance:
        report = bench_tflite(
            bundle,
            examples=examples,
            targets=asked,
            threads=threads,
            generate_c=generate_c,
            layers=layers,
            command=command_line(),
            progress=lambda phase, done, total: advance(done, total),
        )
    if html is not None:
        from pld_tf.bridge.bench_page import write_bench

        write_bench(report, html)
    if out is not None:
        note(f"report: {', '.join(str(path) for path in write_report(report, out))}")
    typer.echo(json.dumps(report, indent=1) if as_json else render_markdown(report))
