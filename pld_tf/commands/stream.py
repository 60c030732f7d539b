"""The commands tune, listen and data stream: parse, call one function, print."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pld_tf.commands.options import Json, SkipBad, is_corpus, is_firmware_bundle, note
from pld_tf.system.stderr import load_tensorflow

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        "-d",
        help="Corpus of the bundle's training, or other recordings.",
        callback=is_corpus,
    ),
]
Seed = Annotated[int, typer.Option(min=0, max=10**9, help="Of all that is drawn.")]


def tune(
    bundle: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE",
            help="Firmware bundle; is changed.",
            callback=is_firmware_bundle,
        ),
    ],
    data: Data,
    false_accepts_per_hour: Annotated[
        float, typer.Option(min=0, max=100, help="Wrong words in an hour that are still well.")
    ] = 1.0,
    hours: Annotated[
        float, typer.Option(min=0.01, max=100, help="Length of the stream to tune on.")
    ] = 1.0,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Choose a bundle's smoothing and thresholds, and write them.

    Streams are made of validation clips and noise: words with pauses, half of them keywords. The
    bundle's own C runs on them. Among the decisions with few enough false accepts, the command
    takes the one with the fewest false rejects.

    \b
    Examples:
      pld-tf tune bundles/demo --data demo/speech
      pld-tf tune bundles/demo --data demo/speech --false-accepts-per-hour 0.5 --hours 4
    """
    load_tensorflow()
    from export.jobs.set_decision import read_decision, write_decision
    from pld_tf.bridge.tune_bundle import Wanted, tune_bundle
    from pld_tf.streams.tuning_report import tuning_text
    from pld_tf.system.progress import progress_bar

    with progress_bar("listening", unit="s") as advance:
        decision, report = tune_bundle(
            bundle,
            data=data,
            wanted=Wanted(false_accepts_per_hour=false_accepts_per_hour, hours=hours, seed=seed),
            decision=read_decision(bundle),
            skip_bad=skip_bad,
            say=note,
            advance=advance,
        )
    write_decision(bundle, decision)
    typer.echo(json.dumps(report, indent=1) if as_json else tuning_text(report))


def listen(
    source: Annotated[
        Path, typer.Argument(metavar="FILE|-", help="Recording; - for standard input.")
    ],
    bundle: Annotated[Path, typer.Option("--bundle", "-b", help="Firmware bundle.")],
    words: Annotated[
        Path | None,
        typer.Option(help="CSV of what is said when: count misses and false accepts."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the words in a recording or live stream.

    Each comes with its time and score, as on the device. A file may have any format that a corpus
    may have (WAV, FLAC, Ogg, MP3 and others), any rate and any number of channels. - reads standard
    input: 16-bit mono samples at the bundle's rate, with or without a WAV header. The bundle's C is
    compiled and run: use only bundles that you trust. A line on
    standard error says so if the input is much quieter or louder than the training.

    \b
    Examples:
      pld-tf listen speech.mp3 --bundle bundles/demo
      arecord -q -f S16_LE -r 16000 -c 1 -t raw | pld-tf listen - --bundle bundles/demo
      pld-tf listen stream.wav --bundle bundles/demo --words stream.csv
    """
    from pld_tf.bridge.detection_report import detection_report, detection_text
    from pld_tf.bridge.listen_to import detected_words

    detections = detected_words(bundle, source, say=note)
    if words is None:
        for detection in detections:
            typer.echo(_detection_line(detection, as_json=as_json))
        return
    report = detection_report(bundle, detections, words)
    typer.echo(json.dumps(report, indent=1) if as_json else detection_text(report))


def data_stream(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT.wav", help="New file, or an earlier stream; OUT.csv: its words."
        ),
    ],
    bundle: Annotated[
        Path,
        typer.Option(
            "--bundle",
            "-b",
            help="Firmware bundle: its words, its rate.",
            callback=is_firmware_bundle,
        ),
    ],
    data: Data,
    split: Annotated[Literal["test", "validation"], typer.Option(help="Clips to use.")] = "test",
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Length of the stream.")] = 60.0,
    condition: Annotated[
        str | None,
        typer.Option(help="Keywords alone, as 'noise at 10 dB' or 'two words in a row'."),
    ] = None,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
) -> None:
    """Make a stream of held-out clips over noise.

    Beside it lies a list of the words and their times. Without --condition it is a stream as pld-tf
    tune makes it where there is no running speech. With --condition each keyword clip comes once,
    as pld-tf evaluate --streams has it under that name.

    \b
    Examples:
      pld-tf data stream stream.wav --bundle bundles/demo --data demo/speech
      pld-tf data stream hard.wav -b bundles/demo -d demo/speech --condition "noise at 10 dB"
      pld-tf listen stream.wav --bundle bundles/demo --words stream.csv
    """
    load_tensorflow()
    from pld_tf.bridge.stream_clips import condition_stream, stream_clips
    from pld_tf.streams.conditions import named
    from pld_tf.streams.files import write_stream
    from pld_tf.streams.synthesis import stream
    from pld_tf.system.files import refuse_foreign

    refuse_foreign([out, out.with_suffix(".csv")], option="OUT.wav")
    parts, _ = stream_clips(bundle, data=data, split=split, skip_bad=skip_bad, say=note)
    pieces = stream(parts, seconds=seconds, seed=seed)
    if condition is not None:
        pieces = condition_stream(
            parts, named(condition), data=data, seconds=seconds, seed=seed, say=note
        )
    spoken = write_stream(out, pieces, sample_rate_hz=parts.store.sample_rate_hz)
    typer.echo(
        f"{out}: {len(spoken)} words in up to {seconds:g} s; when: {out.with_suffix('.csv')}"
    )


def _detection_line(detection: Any, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(
            {"word": detection.word, "score": detection.score, "time_s": detection.time_s}
        )
    return f"{detection.time_s:10.2f} s  {detection.word}  {detection.score:.2f}"
