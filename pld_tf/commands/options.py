"""Options that several commands share.

What they name is looked at before TensorFlow is loaded, which takes seconds.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer


def is_corpus(path: Path | None) -> Path | None:
    """Refuse a --data that is no folder."""
    from pld_tf.data.corpus.scan import require_folder

    if path is not None:
        require_folder(path)
    return path


def is_run(path: Path | None) -> Path | None:
    """Refuse what is no run."""
    from pld_tf.run.folder import read_run

    if path is not None:
        read_run(path)
    return path


def are_runs(paths: list[Path]) -> list[Path]:
    """Refuse what is no run."""
    for path in paths:
        is_run(path)
    return paths


def is_firmware_bundle(path: Path) -> Path:
    """Refuse what is neither a bundle nor a model."""
    from firmware_harness.bundle.read import open_bundle

    open_bundle(path)
    return path


def are_reportable(paths: list[Path]) -> list[Path]:
    """Refuse what is neither a run nor a firmware bundle. Each path counts once."""
    from firmware_harness.bundle.read import open_bundle
    from pld_tf.errors import PldError
    from pld_tf.reproduce.claim import is_reproduction
    from pld_tf.system.folder_kind import RUN, folder_kind

    for path in paths:
        if folder_kind(path) == RUN:
            if not is_reproduction(path):
                is_run(path)
        elif path.is_file():
            raise PldError(f"{path} is a file. Give run folders and firmware bundles.")
        else:
            bundle = open_bundle(path, refused_too=True)
            if bundle.recipe is None:
                raise PldError(
                    f"{path} was not made from a run, so nothing says which clips test it. "
                    "pld-tf bench measures it."
                )
    return list(dict.fromkeys(paths))


def may_be_written(path: Path | None) -> Path | None:
    """Refuse to replace a page that is not as pld-tf wrote it."""
    from pld_tf.system.files import refuse_foreign

    if path is not None:
        refuse_foreign([path], option="--html")
    return path


Data = Annotated[
    Path,
    typer.Option(
        "--data", "-d", help="Folder of <word>/<recording>; see docs/data.md.", callback=is_corpus
    ),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave unreadable clips out instead of stopping.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


Html = Annotated[
    Path | None,
    typer.Option("--html", help="Also write a page to look at.", callback=may_be_written),
]


def command_line() -> str:
    """What was typed, for reports."""
    return shlex.join(["pld-tf", *sys.argv[1:]])


def note(line: str) -> None:
    """Print a line that is not the result, on stderr. Programs can then read stdout."""
    typer.echo(line, err=True)
