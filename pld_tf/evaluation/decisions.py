"""A network's decisions on each test clip under each protocol, kept in a file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras

from pld_tf.data.crop_places import pad_crops
from pld_tf.data.held_out import HeldOut
from pld_tf.distill.predict import predict_crops
from pld_tf.evaluation.protocols import decide, protocol_starts
from pld_tf.features.spec import FeatureSpec
from pld_tf.recipe.tables import PROTOCOLS, Protocol
from pld_tf.system.files import read_npz, told_when_damaged, write_npz


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Decisions of one network trained with one seed.

    Attributes:
      right: bool [clips, decisions per clip] for each protocol, in the order of the test list.
      validation: accuracy on validation clips, which chose the epoch.
    """

    right: dict[Protocol, np.ndarray]
    validation: float

    def clips(self, protocol: Protocol) -> np.ndarray:
        """Share of right decisions of each clip, float64 [clips]."""
        return self.right[protocol].mean(axis=1)


def right_decisions(
    model: tf_keras.Model, clips: HeldOut, *, spec: FeatureSpec, tested_ms: int, input_ms: int
) -> dict[Protocol, np.ndarray]:
    """Which decisions are right, bool [clips, decisions per clip] for each protocol.

    Args:
      model: gives logits.
      clips: the clips to test on.
      spec: of the features.
      tested_ms: length of the crops that the protocols cut.
      input_ms: length of the model's input; if it is longer, the crop lies between zeros.
    """
    right: dict[Protocol, np.ndarray] = {}
    for protocol in PROTOCOLS:
        crops = clips.crops(protocol_starts(clips, protocol, tested_ms), tested_ms)
        if input_ms > tested_ms:
            crops = _padded(crops, spec.samples(input_ms))
        logits = predict_crops(model, crops, spec)
        predictions, labels = decide(logits, clips.labels, protocol)
        right[protocol] = (predictions == labels).reshape(len(clips), -1)
    return right


def write_decisions(path: Path, decisions: Decisions) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_npz(path, validation=np.array(decisions.validation), **decisions.right)


def read_decisions(path: Path, *, clips: int) -> Decisions:
    """Read what `write_decisions` wrote.

    Raises:
      PldError: the file is damaged, or holds another number of clips.
    """
    with told_when_damaged(path):
        arrays = read_npz(path)
        right: dict[Protocol, np.ndarray] = {name: arrays[name] for name in PROTOCOLS}
        for protocol, array in right.items():
            if array.dtype != bool or array.ndim != 2 or len(array) != clips or not array.size:
                raise ValueError(
                    f"{protocol} must be bool [{clips}, decisions], got {array.dtype} "
                    f"{list(array.shape)}"
                )
        return Decisions(right=right, validation=float(arrays["validation"]))


def _padded(crops: tf.data.Dataset, samples: int) -> tf.data.Dataset:
    """Crops int16 [clips, crops, less], each centred between zeros in `samples` samples."""

    def pad(batch: tf.Tensor) -> tf.Tensor:
        shape = tf.shape(batch)
        padded = pad_crops(tf.reshape(batch, [-1, shape[2]]), samples)
        return tf.reshape(padded, [shape[0], shape[1], samples])

    return crops.map(pad)
