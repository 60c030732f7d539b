"""Run the TFLite converter in a process of its own and report how it ended."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from export.errors import ExportError

_REPORTED_LINES = 3
_REPORTED_CHARACTERS = 300  # of one line: some name the whole graph


def convert(*, saved_model: Path, representative: Path, outputs: dict[str, Path]) -> None:
    """Convert a SavedModel once per kind.

    Args:
      saved_model: folder with a batch-1 `serving_default` signature from features to logits.
      representative: .npz whose `features` set the integer ranges.
      outputs: kind ("int8", "int16x8" or "float") to where to write it.

    Raises:
      ExportError: the converter failed or crashed; the text says how, and its last lines.
    """
    job = {
        "saved_model": str(saved_model.absolute()),
        "representative": str(representative.absolute()),
        "outputs": {kind: str(path.absolute()) for kind, path in outputs.items()},
    }
    with tempfile.TemporaryDirectory() as folder:
        job_file = Path(folder) / "job.json"
        job_file.write_text(json.dumps(job), encoding="utf-8")
        ended = subprocess.run(
            child_command(job_file),
            env=_child_environment(),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if ended.returncode != 0:
        raise ExportError(_failure(ended.returncode, ended.stderr, saved_model))


def child_command(job_file: Path) -> list[str]:
    """What to run; -P keeps a folder named `export` in the user's working folder out of it."""
    return [sys.executable, "-P", "-m", "export.convert", str(job_file)]


def _child_environment() -> dict[str, str]:
    here = str(Path(__file__).parent.parent)
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "TF_CPP_MIN_LOG_LEVEL": "2",  # errors stay
        "CUDA_VISIBLE_DEVICES": "-1",  # ranges measured on a GPU differ in the last bits
    }


def _failure(returncode: int, stderr: str, saved_model: Path) -> str:
    if returncode < 0:
        ended = f"was killed by {_signal_name(-returncode)}"
    else:
        ended = f"ended with code {returncode}"
    lines = [line.strip()[:_REPORTED_CHARACTERS] for line in stderr.splitlines() if line.strip()]
    last = " | ".join(lines[-_REPORTED_LINES:]) or "it printed nothing"
    return (
        f"the TFLite converter {ended} on {saved_model}; its last lines: {last}. "
        "Models of convolutions, pooling, dense layers and ReLU convert."
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
