"""Files of the soft-label store: a header that identifies the labels, and their versions.

docs/formats.md has every field.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from pld_tf.data.batches.training_data import TrainingData
from pld_tf.data.corpus.classes import IGNORED, Classes
from pld_tf.data.negatives.taught import TaughtNegatives
from pld_tf.distill.step.teachers import Teachers
from pld_tf.errors import PldError
from pld_tf.recipe.schema import Recipe
from pld_tf.system.files import read_npz, told_when_damaged, write_json, write_npz

SOFT_LABELS_FORMAT = 1
# The columns that identify a crop.
CROP_COLUMNS = {"clip": "<i4", "start_samples": "<i4", "length_samples": "<i4"}


def store_header(recipe: Recipe, data: TrainingData, teachers: Teachers) -> dict[str, Any]:
    """Everything that decides the labels; null for choices that have no effect here."""
    several = len(teachers.models) > 1
    blended = data.teacher_input == "blend" or (several and recipe.teaching.ensemble == "mean")
    return {
        "format": SOFT_LABELS_FORMAT,
        "teachers": [_weights_hash(model) for model in teachers.models],
        "ensemble": recipe.teaching.ensemble if several else None,
        "temperature": recipe.teaching.temperature if blended else None,
        "teacher_input": data.teacher_input,
        "teacher_ms": None if data.teacher_input == "crop" else data.teacher_ms,
        "corpus": data.store.training_key,
        "features": data.spec.to_dict(),
        "crops": data.crops.model_dump(),
        "augment": data.augment.model_dump(exclude={"mixup"}),
        "lengths_ms": data.lengths_ms,
        "seed": data.seed,
        "batch": data.batch,
        "train_fraction": data.train_fraction,
        "teach_unlabelled": data.teach_unlabelled,
        "classes": data.classes.names,
        "words": _class_of_word(data.classes, data.store.words),
        "unknown": data.classes.unknown,
        "silence": data.classes.silence,
        **(_negatives(data.negatives) if data.negatives else {}),
    }


def _negatives(negatives: TaughtNegatives) -> dict[str, Any]:
    """Which pieces batches hold; the teachers decide which are hard."""
    hard = 0 if negatives.mined is None else len(negatives.mined.pieces)
    return {"negatives": negatives.crops, "mined": [negatives.most_mined, hard]}


class SoftLabelFiles:
    """The folder of one store.

    Args:
      root: holds the folder.
      header: identifies the labels; its hash names the folder.
      data: gives the clips, and how many an epoch takes.
    """

    def __init__(self, root: Path, header: dict[str, Any], data: TrainingData) -> None:
        # As JSON gives it back: lists instead of tuples.
        self._header = json.loads(json.dumps(header))
        text = json.dumps(self._header, sort_keys=True)
        self._key = hashlib.sha256(text.encode()).hexdigest()
        self.folder = root / self._key[:16]
        self.crops = data.steps_per_epoch * data.batch
        self._classes = len(data.classes.names)
        self._clip_hashes = _clip_hashes(data)

    def path(self, version: int) -> Path:
        return self.folder / f"version-{version:04d}.npz"

    def claim(self) -> None:
        """Write the header, or compare an existing one field by field."""
        path = self.folder / "header.json"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(path, self._header)
            return
        with told_when_damaged(self.folder):
            found = _fields(json.loads(path.read_text("utf-8")))
        expected = _fields(self._header)
        for name in [*expected, *found]:
            wanted, came = (json.dumps(fields.get(name)) for fields in (expected, found))
            if wanted != came:
                raise PldError(
                    f"{self.folder} holds soft labels of another training: expected {name} "
                    f"{wanted[:200]}, found {came[:200]} in {path.name}. Remove that folder, and "
                    "the same command makes it anew."
                )

    def write(self, version: int, columns: dict[str, np.ndarray]) -> None:
        made_of = {"store": np.array(self._key), "version": np.array(version, "<i4")}
        hashes = self._clip_hashes[columns["clip"]]
        write_npz(self.path(version), **made_of, clip_sha256=hashes, **columns)

    def read(self, version: int) -> dict[str, np.ndarray]:
        """Columns of a version, checked."""
        with told_when_damaged(self.folder):
            arrays = read_npz(self.path(version))
            self._check(arrays, version)
        return arrays

    def table(self, versions: int) -> np.ndarray:
        """Float16 [versions, clips, classes]; NaN where a version lacks a clip."""
        shape = (versions, len(self._clip_hashes), self._classes)
        table = np.full(shape, np.nan, np.float16)
        for version in range(versions):
            columns = self.read(version)
            table[version, columns["clip"]] = columns["logits"]
        return table

    def _check(self, arrays: dict[str, np.ndarray], version: int) -> None:
        name = self.path(version).name
        if (str(arrays["store"]), int(arrays["version"])) != (self._key, version):
            raise ValueError(f"{name} is a version of another store, or another version")
        kinds = {**CROP_COLUMNS, "clip_sha256": "<u8"}
        expected: dict[str, tuple[tuple[int, ...], str]] = {
            column: ((self.crops,), kind) for column, kind in kinds.items()
        }
        expected["logits"] = ((self.crops, self._classes), "<f2")
        for column, (shape, kind) in expected.items():
            array = arrays[column]
            if array.shape != shape or array.dtype != np.dtype(kind):
                raise ValueError(
                    f"{name}: expected {column} {kind} {list(shape)}, found {array.dtype.str} "
                    f"{list(array.shape)}"
                )
        clip = arrays["clip"]
        once = np.unique(clip).size == clip.size
        if not once or clip.min() < 0 or clip.max() >= len(self._clip_hashes):
            raise ValueError(f"{name}: expected each clip of the corpus once at most")
        if not np.array_equal(arrays["clip_sha256"], self._clip_hashes[clip]):
            raise ValueError(f"{name} numbers the clips otherwise than the corpus")
        if not np.isfinite(arrays["logits"]).all():
            raise ValueError(f"{name}: expected finite logits")


def _weights_hash(model: tf_keras.Model) -> str:
    """SHA-256 over shape, type and bytes of each weight, in the order of the layers."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(f"{weight.shape} {weight.dtype.str}".encode() + weight.tobytes())
    return digest.hexdigest()


def _class_of_word(classes: Classes, words: tuple[str, ...]) -> dict[str, str]:
    names = {IGNORED: "ignored", **dict(enumerate(classes.names))}
    return {word: names[number] for word, number in zip(words, classes.of_word, strict=True)}


def _clip_hashes(data: TrainingData) -> np.ndarray:
    """Uint64 [clips and silence]: first 8 bytes of the SHA-256 of each clip's path; 0 for silence.

    The corpus' key identifies the samples. These hashes ensure that a number means the same clip.
    """
    digests = [hashlib.sha256(path).digest()[:8] for path in data.index.paths.tolist()]
    _, silence = data.quotas()
    return np.pad(np.frombuffer(b"".join(digests), "<u8"), (0, silence))


def _fields(header: Any, name: str = "") -> dict[str, Any]:
    """Values by dotted name.

    >>> _fields({"seed": 1, "features": {"bins": [4, 5]}})
    {'seed': 1, 'features.bins': [4, 5]}
    """
    if not isinstance(header, dict):
        return {name: header}
    found: dict[str, Any] = {}
    for key, value in header.items():
        found |= _fields(value, f"{name}.{key}" if name else key)
    return found
