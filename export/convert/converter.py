"""Run the TFLite converter in a process of its own and report how it ended."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from export.errors import ExportError
from export.system.temporary import temporary_folder

_REPORTED_LINES = 3
_REPORTED_CHARACTERS = 300  # per line: some lines name the whole graph
# Example: error: loc(fused["Erf:", "Erf_1"]): 'tf.Erf' op is neither a custom op nor a flex op
_ERROR_AT = re.compile(r"error: loc\((.{1,500}?)\): (.{1,200})")
_NODE_NAME = re.compile(r'"([^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A SavedModel to convert.

    Args:
      saved_model: folder with a batch-1 `serving_default` signature from features to logits.
      representative: .npz whose `features` set the integer ranges.
      outputs: path to write for each kind ("int8", "int16x8" or "float").
    """

    saved_model: Path
    representative: Path
    outputs: dict[str, Path]


class ConversionError(ExportError):
    """A failed conversion.

    Attributes:
      refused: for each TensorFlow operator without an integer form, the converter's message, by
        name of the node.
    """

    def __init__(self, text: str, *, refused: dict[str, str]) -> None:
        super().__init__(text)
        self.refused = refused


def convert(*, saved_model: Path, representative: Path, outputs: dict[str, Path]) -> None:
    """Convert one SavedModel once per kind; see `Conversion` and `convert_all`."""
    convert_all(
        [Conversion(saved_model=saved_model, representative=representative, outputs=outputs)]
    )


def convert_all(conversions: Sequence[Conversion]) -> None:
    """Convert SavedModels, each once per kind, in one process, so that TensorFlow starts once.

    Raises:
      ConversionError: the converter failed or crashed; the text says how and has its last lines.
      OSError: its files can't be read or written.
    """
    jobs = [
        {
            "saved_model": str(each.saved_model.absolute()),
            "representative": str(each.representative.absolute()),
            "outputs": {kind: str(path.absolute()) for kind, path in each.outputs.items()},
        }
        for each in conversions
    ]
    with temporary_folder() as folder:
        job_file = folder / "jobs.json"
        job_file.write_text(json.dumps(jobs), encoding="utf-8")
        ended = subprocess.run(
            child_command(job_file),
            env=_child_environment(),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if ended.returncode == os.EX_IOERR:
        told = json.loads(ended.stderr.splitlines()[-1])
        raise OSError(told["errno"], told["reason"], told["path"])
    if ended.returncode != 0:
        name = ", ".join(str(each.saved_model) for each in conversions)
        raise ConversionError(
            _failure(ended.returncode, ended.stderr, name), refused=_refused(ended.stderr)
        )


def int8_bytes(bundle: Path) -> int:
    """Size of the int8 .tflite of a model bundle; the file is not kept.

    Raises:
      ExportError: as `convert`.
    """
    with temporary_folder() as folder:
        model = folder / "model.tflite"
        convert(
            saved_model=bundle / "saved_model",
            representative=bundle / "representative.npz",
            outputs={"int8": model},
        )
        return model.stat().st_size


def child_command(job_file: Path) -> list[str]:
    """The command to run; -P ignores a folder named `export` in the user's working folder."""
    return [sys.executable, "-P", "-m", "export.convert.child", str(job_file)]


def _child_environment() -> dict[str, str]:
    here = str(Path(__file__).parents[2])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "TF_CPP_MIN_LOG_LEVEL": "2",  # errors are still printed
        "CUDA_VISIBLE_DEVICES": "-1",  # ranges measured on a GPU differ in the last bits
    }


def _refused(stderr: str) -> dict[str, str]:
    """The converter's message for each node that it could not convert."""
    return {
        _NODE_NAME.findall(place)[-1]: said
        for place, said in _ERROR_AT.findall(stderr)
        if _NODE_NAME.search(place)
    }


def _failure(returncode: int, stderr: str, saved_model: str) -> str:
    if returncode < 0:
        ended = f"was killed by {_signal_name(-returncode)}"
    else:
        ended = f"ended with code {returncode}"
    lines = [line.strip()[:_REPORTED_CHARACTERS] for line in stderr.splitlines() if line.strip()]
    last = " | ".join(lines[-_REPORTED_LINES:]) or "it printed nothing"
    return (
        f"the TFLite converter {ended} on {saved_model}; its last lines: {last}. "
        "It takes models of convolutions, pooling, dense layers and ReLU."
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
