"""int8 models of every family's small students, untrained but for drawn biases."""

from pathlib import Path

# Folder and file are named so; a size stands where a test is about another than the smallest.
STUDENTS = {
    "ds_cnn": ("ds_cnn", "S"),
    "ds_cnn_se": ("ds_cnn_se", "S"),
    "tc_resnet": ("tc_resnet", "8"),
    "tc_resnet 14": ("tc_resnet", "14"),
    "res": ("res", "8-narrow"),
    "res 15": ("res", "15-narrow"),
    "edgespeechnet": ("edgespeechnet", "D"),
    "bc_resnet": ("bc_resnet", "1"),
    "bc_resnet_bn": ("bc_resnet_bn", "1"),
    "highway": ("highway", "128"),
}


# Networks without padding over time, and input lengths that they take.
VALID_STUDENTS = {"tc_resnet": ("tc_resnet", "8"), "ds_cnn": ("ds_cnn", "S")}
VALID_LENGTHS_MS = [700]


def convert_families(folder: Path) -> dict[str, Path]:
    """NAME.tflite of each."""
    return _convert(folder, STUDENTS)


def convert_valid(folder: Path) -> dict[str, Path]:
    """NAME.tflite of the networks without padding over time."""
    return _convert(
        folder, VALID_STUDENTS, lengths_ms=VALID_LENGTHS_MS, choices={"time_padding": "valid"}
    )


def _convert(folder: Path, students, *, lengths_ms=None, choices=None) -> dict[str, Path]:
    from export.convert.converter import Conversion, convert_all
    from pld_tf.model_bundle.untrained import write_untrained
    from pld_tf.recipe.load import load_recipe

    recipe = load_recipe("smoke")
    if lengths_ms:
        ladder = recipe.ladder.model_copy(update={"input_lengths_ms": lengths_ms})
        recipe = recipe.model_copy(update={"ladder": ladder})
    conversions = []
    for name, (family, size) in students.items():
        changed = {"family": family, "size": size, **(choices or {})}
        choice = recipe.models[0].model_copy(update=changed)
        write_untrained(recipe.model_copy(update={"models": [choice]}), folder / name, width=0.5)
        conversions.append(
            Conversion(
                saved_model=folder / name / "saved_model",
                representative=folder / name / "representative.npz",
                outputs={"int8": folder / f"{name}.tflite"},
            )
        )
    convert_all(conversions)
    return {name: folder / f"{name}.tflite" for name in students}
