"""The files that benchmark firmware reads and writes, on the host and under QEMU."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firmware_harness.errors import HarnessError
from firmware_harness.measure.workload import Workload
from firmware_harness.runtimes.interpreter import Model, Operator

RENAMING = "RESHAPE"  # only changes a tensor's shape: no code


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Results of one run.

    Args:
      outputs: int8 [inputs, classes].
      features: int8 [crops, cells]; None without audio.
      numbers: the key=value line that bench_main.c writes.
      layer_ticks: one for each layer, if the model was built to report them.
    """

    outputs: NDArray[np.int8]
    features: NDArray[np.int8] | None
    numbers: dict[str, int]
    layer_ticks: tuple[int, ...]


def write_workload(folder: Path, workload: Workload) -> None:
    """Write the streams that bench_port.h names; audio is empty without a front end."""
    (folder / "inputs.bin").write_bytes(workload.inputs.tobytes())
    audio = b"" if workload.audio is None else workload.audio.astype("<i2").tobytes()
    (folder / "audio.bin").write_bytes(audio)


def read_measured(folder: Path, workload: Workload) -> Measured:
    """Read the firmware's output, and check that it ran everything.

    Raises:
      HarnessError: it did not: the C and the model do not belong together.
    """
    numbers, layer_ticks = parse_result((folder / "result.txt").read_text(encoding="utf-8"))
    sizes = {"input_bytes": workload.inputs.shape[1], "output_bytes": workload.outputs.shape[1]}
    for key, expected in sizes.items():
        if numbers[key] != expected:
            raise HarnessError(
                f"kws_model.h gives {key} {numbers[key]}, but the .tflite has {expected}: the "
                "firmware bundle mixes two models. Export it again."
            )
    if numbers["overruns"]:
        raise HarnessError(
            "kws_model_run or kws_model_step writes beyond its memory. Export the firmware bundle "
            "again."
        )
    if numbers["model_errors"]:
        raise HarnessError("kws_model_run gave an error. Export the firmware bundle again.")
    if numbers.get("unlike_steps"):
        raise HarnessError(
            f"kws_model_step gives other scores than kws_model_run: {numbers['unlike_steps']} "
            "bytes differ. Export the firmware bundle again; if that does not help, it is a fault "
            "of pld-tf."
        )
    if numbers.get("audio_errors"):
        raise HarnessError(
            "the audio of golden.npz has not KWS_CROP_SAMPLES samples a crop: the firmware bundle "
            "mixes two "
            "models. Export it again."
        )
    outputs = np.fromfile(folder / "outputs.bin", np.int8)
    features = np.fromfile(folder / "features.bin", np.int8)
    return Measured(
        outputs=_shaped(outputs, workload.outputs, "outputs"),
        features=(
            None if workload.features is None else _shaped(features, workload.features, "features")
        ),
        numbers=numbers,
        layer_ticks=layer_ticks,
    )


def parse_result(line: str) -> tuple[dict[str, int], tuple[int, ...]]:
    """Numbers by name, and the ticks of the layers, which share one name.

    >>> parse_result("inputs=2 layer_ticks=5 layer_ticks=7")
    ({'inputs': 2}, (5, 7))
    """
    pairs = [word.partition("=") for word in line.split()]
    layers = tuple(int(value) for key, _, value in pairs if key == "layer_ticks")
    return {key: int(value) for key, _, value in pairs if key != "layer_ticks"}, layers


def layers_of(measured: Measured, model: Model) -> tuple[Operator, ...]:
    """The operators that are layers of the C, in its order: all but those that compute nothing.

    Raises:
      HarnessError: the C has another number of layers.
    """
    operators = tuple(each for each in model.operators() if each.name != RENAMING)
    found, expected = measured.numbers["num_layers"], len(operators)
    if found != expected or len(measured.layer_ticks) != expected:
        raise HarnessError(
            f"kws_model.h has {found} layers, but {model.file.name} has {expected} operators that "
            "compute: the firmware bundle mixes two models. Export it again."
        )
    return operators


def _shaped(found: NDArray[np.int8], expected: NDArray[np.int8], what: str) -> NDArray[np.int8]:
    if found.size != expected.size:
        raise HarnessError(
            f"the firmware wrote {found.size} bytes of {what}, expected {expected.size}: the "
            "firmware bundle mixes two models. Export it again."
        )
    return found.reshape(expected.shape)
