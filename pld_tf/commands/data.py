"""The commands `pld-tf data ...`: parse, call one function, print."""

from pathlib import Path
from typing import Annotated

import typer

from pld_tf.commands.stream import data_stream
from pld_tf.system.stderr import load_tensorflow

data_app = typer.Typer(no_args_is_help=True, help="Get recordings to train on, or a stream.")
data_app.command("stream")(data_stream)


@data_app.command("demo")
def data_demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
) -> None:
    """Make the built-in corpus: words that eSpeak NG speaks.

    \b
    Needs no network, but eSpeak NG, which is under the GPL-3:
      pip install 'espeakng-loader==0.2.4'

    \b
    Example:
      pld-tf data demo demo/speech
    """
    load_tensorflow()
    from pld_tf.data.demo.make import make_demo_corpus
    from pld_tf.system.progress import progress_bar

    with progress_bar("speaking") as advance:
        make_demo_corpus(directory, progress=advance)
    typer.echo(f"demo corpus: {directory}")


@data_app.command("negatives")
def data_negatives(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder to make, as speech/_negatives_.")
    ],
    minutes: Annotated[int, typer.Option(min=1, max=600, help="Length of all of it.")] = 60,
) -> None:
    """Make a first set of sound without keywords.

    eSpeak NG reads sentences in eight languages and many voices; babble is mixed of them. Needs no
    network. Real speech is better: docs/data.md names free corpora.

    \b
    Example:
      pld-tf data negatives demo/speech/_negatives_ --minutes 30
    """
    from pld_tf.data.demo.negatives import make_negatives
    from pld_tf.system.progress import progress_bar

    with progress_bar("speaking", unit="recordings") as advance:
        make_negatives(directory, minutes=minutes, progress=advance)
    typer.echo(f"sound without keywords: {directory}")


@data_app.command("speech-commands")
def data_speech_commands(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    version: Annotated[int, typer.Option(min=1, max=2, help="1 or 2.")] = 2,
) -> None:
    """Download Google's Speech Commands, check and unpack it.

    It is under CC BY 4.0. Version 1 has 1.4 GB, version 2 has 2.3 GB. A stopped download continues
    where it stopped.

    \b
    Example:
      pld-tf data speech-commands --version 2 speech
    """
    from pld_tf.data.corpus.download import download_speech_commands
    from pld_tf.system.progress import progress_bar

    with progress_bar("downloading", unit="bytes") as advance:
        download_speech_commands(version, directory, progress=advance)
    typer.echo(f"Speech Commands v0.0{version}: {directory}")
