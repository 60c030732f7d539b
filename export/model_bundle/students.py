"""The int8 students of a run: the plain one of the last rung, and its finished versions."""

from pathlib import Path

from export.errors import ExportError
from export.model_bundle.read import ModelBundle, read_bundle

PLAIN = "ptq"  # the student as its rung left it, quantized after training
# Plainest first: if students are equally good, the first is taken. Others follow by name.
_ORDER = (PLAIN, "qat", "qat_distilled", "pruned", "clustered")
# Students can only be compared if they share crops, classes and features.
_SHARED = ("validation.npz", "labels.json", "feature_spec.json", "feature_tables.npz")


def find_students(plain: ModelBundle, *, variant: str | None = None) -> dict[str, ModelBundle]:
    """The students to choose from, by name, plainest first; `plain` is always among them.

    Args:
      plain: the model bundle of a rung. The folder `finish/` lies beside that of the last rung.
      variant: the only student to look for; None for all.

    Raises:
      ExportError: no such variant, or it belongs to another run.
    """
    folder = plain.directory.parent / "finish"
    names = {path.parts[-3] for path in folder.glob("*/bundle/bundle.json")}
    if variant not in {None, PLAIN} | names:
        has = ", ".join(sorted({PLAIN} | names, key=_place))
        raise ExportError(
            f"{plain.directory.parent} has no student {variant!r}; it has {has}. A recipe's finish "
            "lists those that pld-tf distill makes."
        )
    wanted = names if variant is None else names & {variant}
    finished = {name: _read(folder / name / "bundle", plain) for name in sorted(wanted, key=_place)}
    return {PLAIN: plain, **finished}


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def _read(directory: Path, plain: ModelBundle) -> ModelBundle:
    bundle = read_bundle(directory)
    name = directory.parent.name
    if bundle.header.get("variant") != name:
        raise ExportError(
            f"{directory / 'bundle.json'} must give variant {name!r}, got "
            f"{bundle.header.get('variant')!r}; remove {directory.parent}, and pld-tf distill "
            "makes it anew."
        )
    for file in _SHARED:
        if bundle.header["files"][file] != plain.header["files"][file]:
            raise ExportError(
                f"{directory / file} differs from {plain.directory / file}: it is of another run. "
                f"Remove {directory.parent}, and pld-tf distill makes it anew."
            )
    return bundle
