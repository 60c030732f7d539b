"""Read a model bundle, the folder that training hands over. Format: docs/formats.md."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from export.errors import ExportError
from export.system.files import Arrays, Json, read_json, read_npz, sha256
from export.system.folder_kind import FIRMWARE_BUNDLE, RUN, folder_kind, other_kind

MODEL_BUNDLE_FORMAT = 1
REQUIRED = (
    "saved_model/saved_model.pb",
    "feature_spec.json",
    "labels.json",
    "feature_tables.npz",
    "representative.npz",
    "validation.npz",
    "golden.npz",
)
# Fields of bundle.json on the student's origin; the manifest repeats them.
ORIGIN: dict[str, type[Any]] = {
    "recipe_name": str, "recipe": dict, "seed": int, "data_key": str, "rung": int,
    "length_ms": int, "versions": dict,
}  # fmt: skip
MAX_CLASSES = 1024
MAX_AXIS = 4096  # frames or bins of one crop
MAX_NUMBER = 2**31  # in the feature spec, because its numbers become C constants


@dataclass(frozen=True, kw_only=True)
class ModelBundle:
    """A checked model bundle.

    Args:
      directory: folder of its files.
      header: bundle.json.
      feature_spec: feature_spec.json; every value is an int or a float.
      labels: class names in output order, keywords first.
      num_keywords: how many of `labels` are keywords.
      frames: frames in one crop.
      bins: features per frame.
      validation_features: float32, shape [crops, frames, bins].
      validation_labels: int32, shape [crops].
      golden_audio: int16, shape [crops, samples].
      golden_features: float32, shape [crops, frames, bins].
      golden_logits: float32, shape [crops, classes].
    """

    directory: Path
    header: Json
    feature_spec: dict[str, int | float]
    labels: tuple[str, ...]
    num_keywords: int
    frames: int
    bins: int
    validation_features: NDArray[np.float32]
    validation_labels: NDArray[np.int32]
    golden_audio: NDArray[np.int16]
    golden_features: NDArray[np.float32]
    golden_logits: NDArray[np.float32]


def find_bundle(run: Path, rung: int | None = None) -> Path:
    """The model bundle of one rung of a run folder; a bundle folder is returned as it is.

    Args:
      run: a run folder, or a bundle folder.
      rung: which one, from 0, also of an unfinished run; None for the last of a finished run.

    Raises:
      ExportError: there is none, or there are two; the text names the rungs that have one.
    """
    if run.is_file():
        raise ExportError(
            f"{run} is a file, but a run folder of pld-tf distill is needed. A .tflite from "
            "elsewhere "
            "goes behind --from-tflite."
        )
    if not run.is_dir():
        raise ExportError(f"{run} must be a run folder of pld-tf distill; there is no such folder.")
    if folder_kind(run) == FIRMWARE_BUNDLE:
        raise ExportError(str(other_kind(run, needed=RUN)))
    if rung is not None:
        return _rung_bundle(run, rung)
    last = _last_bundle(run)
    if last is None and folder_kind(run) is None and not (run / "rungs").is_dir():
        raise ExportError(
            f"{run} is no run folder and no model bundle: it has no run.json and no bundle.json. "
            "Give the --run-dir of pld-tf distill."
        )
    if last is None:
        raise ExportError(
            f"{run} is not a finished run: pld-tf distill writes bundle/ at the end of the ladder. "
            "--rung exports one that is done."
        )
    return last


def _last_bundle(run: Path) -> Path | None:
    places = (run, run / "bundle")
    return next((place for place in places if (place / "bundle.json").is_file()), None)


def _rung_bundle(run: Path, rung: int) -> Path:
    found: dict[int, list[Path]] = {}
    for header in sorted(run.glob("rungs/*/bundle/bundle.json")):
        number = header.parts[-3].partition("-")[0]  # N-LENGTHms-KEY
        if number.isdecimal():
            found.setdefault(int(number), []).append(header.parent)
    last = _last_bundle(run)
    if last is not None:
        number = read_json(last / "bundle.json").get("rung")
        if type(number) is int:
            found.setdefault(number, [last])
    bundles = found.get(rung, [])
    if len(bundles) > 1:
        names = " and ".join(bundle.parent.name for bundle in bundles)
        raise ExportError(f"{run} has rung {rung} more than once: {names}. Remove all but one.")
    if not bundles:
        has = ", ".join(map(str, sorted(found))) or "none; pld-tf distill writes it as a rung ends"
        raise ExportError(f"{run} has no model bundle of rung {rung}; rungs that have one: {has}.")
    return bundles[0]


def read_bundle(run: Path, *, rung: int | None = None) -> ModelBundle:
    """Read the model bundle of `run`; format number and hashes are checked first.

    Args:
      run: a run folder, or the bundle folder in it.
      rung: which one, from 0; None for the last.

    Raises:
      ExportError: no bundle, another format, or a wrong file; the text names it.
    """
    directory = find_bundle(run, rung)
    header = read_json(directory / "bundle.json")
    _check_header(header, directory)
    _check_files(cast(dict[str, Any], header["files"]), directory)
    frames, bins = _crop_shape(header, directory)
    labels, num_keywords = _labels(directory)
    crop = (frames, bins)
    validation = read_npz(directory / "validation.npz")
    golden = read_npz(directory / "golden.npz")
    _features(read_npz(directory / "representative.npz"), crop, directory / "representative.npz")
    return ModelBundle(
        directory=directory,
        header=header,
        feature_spec=_feature_spec(directory),
        labels=labels,
        num_keywords=num_keywords,
        frames=frames,
        bins=bins,
        validation_features=_features(validation, crop, directory / "validation.npz"),
        validation_labels=_validation_labels(validation, len(labels), directory),
        golden_audio=_array(golden, "audio", np.int16, (None, None), directory / "golden.npz"),
        golden_features=_features(golden, crop, directory / "golden.npz"),
        golden_logits=_floats(golden, "logits", (None, len(labels)), directory / "golden.npz"),
    )


def _check_header(header: Json, directory: Path) -> None:
    path = directory / "bundle.json"
    if header.get("format") != MODEL_BUNDLE_FORMAT:
        raise ExportError(
            f"{path} must have format {MODEL_BUNDLE_FORMAT}, got {header.get('format')!r}; "
            "write the model bundle again with this version of pld-tf."
        )
    for name, kind in (ORIGIN | {"files": dict, "model": dict}).items():
        if type(header.get(name)) is not kind:  # True does not count as a number
            raise ExportError(
                f"{path} must give {name!r} as {kind.__name__}; write the model bundle again."
            )
    missing = sorted(set(REQUIRED) - set(header["files"]))
    if missing:
        raise ExportError(f"{path} must list {missing[0]}; write the model bundle again.")


def _check_files(files: dict[str, Any], directory: Path) -> None:
    for name, expected in files.items():
        _check_file(name, expected, directory)
    # TensorFlow would read unlisted files too, although no hash covers them.
    for path in sorted((directory / "saved_model").rglob("*")):
        if not path.is_dir() and path.relative_to(directory).as_posix() not in files:
            raise ExportError(f"{path} is not listed in bundle.json; remove it.")


def _check_file(name: str, expected: object, directory: Path) -> None:
    path = directory / name
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or "\\" in name or ".." in parts:
        raise ExportError(f"{directory / 'bundle.json'} lists {name!r}, outside the model bundle.")
    if not _is_file_of(directory, path):
        raise ExportError(
            f"{path} is listed in bundle.json but missing; write the model bundle again."
        )
    fields = cast(Json, expected) if isinstance(expected, dict) else {}
    if path.stat().st_size != fields.get("bytes") or sha256(path) != fields.get("sha256"):
        raise ExportError(
            f"{path} is not the file that bundle.json lists (its size or sha256 differs); "
            "write the model bundle again, or copy it again."
        )


def _is_file_of(directory: Path, path: Path) -> bool:
    """True for a file whose bytes lie in the folder; a link may point elsewhere."""
    try:
        inside = path.resolve(strict=True).is_relative_to(directory.resolve())
        return inside and path.is_file()
    except (OSError, ValueError, RuntimeError):  # no such file, invalid name, a loop of links
        return False


def _crop_shape(header: Json, directory: Path) -> tuple[int, int]:
    frames, bins = header["model"].get("frames"), header["model"].get("bins")
    for name, value in (("frames", frames), ("bins", bins)):
        if not isinstance(value, int) or not 1 <= value <= MAX_AXIS:
            raise ExportError(
                f"{directory / 'bundle.json'} must give model.{name} from 1 to {MAX_AXIS}, "
                f"got {value!r}."
            )
    return frames, bins


def _labels(directory: Path) -> tuple[tuple[str, ...], int]:
    path = directory / "labels.json"
    value = read_json(path)
    labels, num_keywords = value.get("labels"), value.get("num_keywords")
    if not isinstance(labels, list) or not 1 <= len(cast(list[Any], labels)) <= MAX_CLASSES:
        raise ExportError(f"{path} must give 1 to {MAX_CLASSES} labels.")
    names = tuple(cast(list[Any], labels))
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise ExportError(f"{path} must give each class a different name, got {names}.")
    if not isinstance(num_keywords, int) or not 0 <= num_keywords <= len(names):
        raise ExportError(f"{path} must give num_keywords from 0 to {len(names)}.")
    return names, num_keywords


def _feature_spec(directory: Path) -> dict[str, int | float]:
    path = directory / "feature_spec.json"
    spec = read_json(path)
    for name, value in spec.items():
        is_name = name.isidentifier() and name.isascii()
        if not is_name or type(value) not in (int, float) or not abs(value) < MAX_NUMBER:
            raise ExportError(
                f"{path} must hold numbers below {MAX_NUMBER} only, got {name} = {value!r}."
            )
    for name in ("sample_rate_hz", "window_ms", "hop_ms"):
        if not isinstance(spec.get(name), int):
            raise ExportError(f"{path} must give {name} as a whole number.")
    return spec


def _features(arrays: Arrays, crop: tuple[int, int], path: Path) -> NDArray[np.float32]:
    return _floats(arrays, "features", (None, *crop), path)


def _floats(
    arrays: Arrays, name: str, shape: tuple[int | None, ...], path: Path
) -> NDArray[np.float32]:
    array = _array(arrays, name, np.float32, shape, path)
    if not np.isfinite(array).all():
        raise ExportError(
            f"{path}: {name} must be finite numbers, but holds NaN or infinity; the training may "
            "have diverged. Write the model bundle again."
        )
    return array


def _validation_labels(arrays: Arrays, classes: int, directory: Path) -> NDArray[np.int32]:
    path = directory / "validation.npz"
    labels = _array(arrays, "labels", np.int32, (len(arrays["features"]),), path)
    if labels.min() < 0 or labels.max() >= classes:
        raise ExportError(f"{path}: labels must be from 0 to {classes - 1}.")
    return labels


def _array(
    arrays: Arrays, name: str, dtype: type[Any], shape: tuple[int | None, ...], path: Path
) -> NDArray[Any]:
    """One array of the expected type and shape; None in `shape` allows any size but 0."""
    if name not in arrays:
        raise ExportError(f"{path} must hold an array {name!r}; write the model bundle again.")
    array = arrays[name]
    fits = array.ndim == len(shape) and all(
        size == expected if expected is not None else size > 0
        for size, expected in zip(array.shape, shape, strict=True)
    )
    if array.dtype != dtype or not fits:
        raise ExportError(
            f"{path}: {name} must be {np.dtype(dtype).name} of shape {list(shape)} (None: any), "
            f"got {array.dtype.name} of shape {list(array.shape)}; write the model bundle again."
        )
    return array
