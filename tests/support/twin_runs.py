"""Runs whose students are networks of three dense layers, converted without TensorFlow."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import tiny_bundle
import tiny_twins
from tiny_twins import Dense

from export.convert import converter

CROPS, GOLDEN = 60, 6
Layers = tuple[Dense, ...]


class TwinRun:
    """A run folder, and a converter that knows the networks of its students.

    Args:
      root: the run folder.
      students: float and int8 networks by name, "ptq" among them.
      right: the network whose classes are the labels; by default that of "ptq".
      crops: how many validation crops there are.
    """

    def __init__(
        self,
        root: Path,
        students: Mapping[str, tuple[Layers, Layers]],
        *,
        right: Layers | None = None,
        crops: int = CROPS,
    ) -> None:
        self.root, self._networks = root, {}
        features = tiny_twins.crops(crops, seed=2)
        logits = tiny_twins.logits(right or students["ptq"][0], features)
        for name, (floating, integer) in students.items():
            folder = root if name == "ptq" else root / "finish" / name
            bundle = tiny_bundle.handmade(folder / "bundle")
            np.savez(
                bundle / "validation.npz",
                features=features,
                labels=logits.argmax(axis=1).astype(np.int32),
            )
            self._write_golden(bundle, floating)
            tiny_bundle.rewrite_header(bundle, **({} if name == "ptq" else {"variant": name}))
            self._networks[bundle / "saved_model"] = floating, integer

    def convert_all(self, conversions: Sequence[converter.Conversion]) -> None:
        """In place of the converter."""
        for each in conversions:
            floating, integer = self._networks[each.saved_model]
            for kind, path in each.outputs.items():
                is_float = kind == "float"
                model = (
                    tiny_twins.float_model(floating) if is_float else tiny_twins.int8_model(integer)
                )
                path.write_bytes(model)

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> "TwinRun":
        monkeypatch.setattr(converter, "convert_all", self.convert_all)
        return self

    @staticmethod
    def _write_golden(bundle: Path, floating: Layers) -> None:
        features = tiny_twins.crops(GOLDEN, seed=3)
        audio = np.arange(GOLDEN * tiny_bundle.SAMPLES, dtype=np.int16)
        np.savez(
            bundle / "golden.npz",
            audio=audio.reshape(GOLDEN, tiny_bundle.SAMPLES),
            features=features,
            logits=tiny_twins.logits(floating, features),
        )
