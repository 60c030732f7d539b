"""The plan of the generated C as a table: what `pld-tf export --explain` prints."""

from export.system.files import Json
from export.system.tables import text_table

_STEP_HEAD = ("step", "kernel", "new rows", "kept", "MACs")
_HEAD = ("layer", "kernel", "reads", "writes", "work", "weights", "instructions", "per MAC")


def plan_text(c_model: Json) -> str:
    """One row for each layer.

    Args:
      c_model: `c_model` of a manifest.
    """
    layers = c_model["layers"]
    rows = [_row(layer) for layer in layers]
    known = [layer for layer in layers if layer["instructions"] is not None]
    total = sum(layer["instructions"] for layer in known)
    return (
        f"{text_table(rows, head=_HEAD, right=range(4, 8))}\n"
        f"Kernels for cores with the DSP extension, good at {c_model['optimize']}; other cores run "
        "portable C. Activations lie pixel by pixel, channels side by side. Places are offsets in "
        f"{c_model['scratch_bytes']:,} bytes of scratch; work and weights are bytes. {total:,} "
        f"instructions are expected on a Cortex-M4 in {len(known)} of {len(layers)} layers; pld-tf "
        f"bench --target cortex-m4 --layers counts them.\n{_step_text(c_model)}"
    )


def _step_text(c_model: Json) -> str:
    """What is computed of each new frames of a stream."""
    step = c_model["step"]
    if step is None:
        return f"No steps, each run takes a whole window: {c_model['no_step']}."
    window = sum(layer["macs"] for layer in c_model["layers"])
    rows = [
        (
            layer["function"],
            layer["kernel"] or "portable",
            "window" if layer["rows"] is None else str(layer["rows"]),
            f"{layer['state_bytes']:,}",
            f"{layer['macs']:,}",
        )
        for layer in step["layers"]
    ]
    return (
        f"{text_table(rows, head=_STEP_HEAD, right=range(2, 5))}\n"
        f"A step of {step['frames']} frames takes {step['macs']:,} MACs, a whole window "
        f"{window:,}. It keeps {step['state_bytes']:,} bytes and needs "
        f"{step['scratch_bytes']:,} bytes of scratch. New rows are columns of the spectrogram."
    )


def _row(layer: Json) -> tuple[str, ...]:
    count = layer["instructions"]
    per_mac = f"{count / layer['macs']:.2f}" if count is not None and layer["macs"] else ""
    return (
        layer["function"],
        layer["kernel"] or "portable",
        " ".join(layer["reads"]),
        layer["writes"],
        f"{layer['work_bytes']:,}",
        "" if layer["weight_bytes"] is None else f"{layer['weight_bytes']:,}",
        "" if count is None else f"{count:,}",
        per_mac,
    )
