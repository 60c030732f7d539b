"""What firmware runs on and must reproduce: inputs with golden outputs, and audio."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.bundle.read import Bundle
from firmware_harness.errors import HarnessError
from firmware_harness.measure.inputs import RANDOM_INPUTS, comparison_inputs, golden_audio
from firmware_harness.runtimes.interpreter import Model
from firmware_harness.runtimes.tflm import INT8_ENDS, run_tflm, tflm_version


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Data for one model and its front end.

    Args:
      inputs: int8 [inputs, bytes], as the model stores them.
      origins: number of inputs of each origin.
      outputs: int8 [inputs, classes], the golden kernels' outputs for them.
      golden: whose kernels are golden.
      as_devices: True if the golden kernels round as a device's do.
      audio: int16 [crops, samples]; None without a front end.
      features: int8 [crops, cells], TensorFlow's features of that audio as the model stores them.
    """

    inputs: NDArray[np.int8]
    origins: dict[str, int]
    outputs: NDArray[np.int8]
    golden: str
    as_devices: bool
    audio: NDArray[np.int16] | None = None
    features: NDArray[np.int8] | None = None

    @property
    def crops(self) -> int:
        return 0 if self.audio is None else len(self.audio)

    def first(self, count: int) -> "Workload":
        """Only its first inputs and crops, for measurements that need no more."""
        return dataclasses.replace(
            self,
            inputs=self.inputs[:count],
            outputs=self.outputs[:count],
            audio=None if self.audio is None else self.audio[:count],
            features=None if self.features is None else self.features[:count],
        )

    def with_features(self, features: NDArray[np.int8] | None) -> "Workload":
        """The same with other expected features."""
        return dataclasses.replace(self, features=features)


def make_workload(bundle: Bundle, plain: Model, *, frontend: bool) -> Workload:
    """Up to 200 crops of the bundle or 200 random inputs, and their outputs.

    The golden kernels are TFLite Micro's if it is installed, because a device has them. Otherwise
    they are those of TFLite's reference resolver. These round once in FULLY_CONNECTED; a device
    rounds twice.

    Args:
      bundle: gives crops and audio.
      plain: its model on the reference resolver.
      frontend: include audio.

    Raises:
      HarnessError: stored crops are damaged, or the model cannot be run.
    """
    origins, (inputs,) = comparison_inputs(bundle, plain, most=RANDOM_INPUTS)
    version = tflm_version()
    if version is None:
        golden = "TFLite's reference kernels"
        outputs = np.stack([plain.run([each]) for each in inputs])
    else:
        golden = f"TFLite Micro {version}"
        outputs = run_tflm(plain, [inputs]).outputs[0]
    stored = golden_audio(bundle) if frontend else None
    return Workload(
        inputs=_rows(inputs),
        origins=origins,
        outputs=_rows(outputs),
        golden=golden,
        as_devices=version is not None,
        audio=None if stored is None else stored[0],
        features=None if stored is None else _rows(stored[1]),
    )


def require_int8(model: Model, *, target: str) -> None:
    """Refuse a model that is not int8 from its only input to its only output.

    Raises:
      HarnessError: it is not.
    """
    ends = [*model.inputs, *model.outputs]
    if len(ends) != 2 or {info.dtype for info in ends} != {"int8"}:
        given = ", ".join(f"{info.dtype} {list(info.shape)}" for info in ends)
        raise HarnessError(
            f"--target {target} needs one int8 input and one int8 output, but {model.file.name} "
            f"has {given}. {INT8_ENDS}"
        )


def _rows(values: NDArray[Any]) -> NDArray[np.int8]:
    return np.ascontiguousarray(values).reshape(len(values), -1)
