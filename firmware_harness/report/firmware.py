"""The sections of a bench report on the exported C: this machine, and emulated cores."""

from typing import Any

from firmware_harness.report.tables import Part, Section, count_text, section, size_text

_HEADER = [
    "target", "instructions per inference", "per MAC", "per step", "per hop of the front end",
    "flash", "RAM", "of it stack", "bytes that differ",
]  # fmt: skip
_BUILT_HEADER = ["target", "machine", "compiler", "flags"]
_LAYER_HEADER = ["", "layer", "output", "MACs", "instructions", "share", "per MAC"]
_COUNTED = (
    "QEMU counts instructions; it knows no cycles and no milliseconds. Flash is code and constants "
    "of start-up code, front end and model; RAM their data, with features, scratch and stack, but "
    "no audio buffer. A step is an inference in a stream, which computes new frames only; flash "
    "and RAM are those of a program that runs in steps, if the model has them."
)


def firmware_sections(targets: dict[str, Any]) -> list[Part]:
    """Paragraphs on the targets that ran the C; empty without such a target."""
    ran = {name: target for name, target in targets.items() if "instructions_per_mac" in target}
    if not ran:
        return []
    rows = [_row(name, target) for name, target in ran.items()]
    return [
        section("Generated C", _HEADER, rows),
        " ".join(filter(None, [_goldens(ran), _COUNTED if _counting(ran) else ""])),
        *sorted({target["explanation"] for target in ran.values() if target["explanation"]}),
        section("Compilers", _BUILT_HEADER, [_built(name, target) for name, target in ran.items()]),
        *(_layers(name, target) for name, target in ran.items() if target["layers"]),
    ]


def _row(name: str, target: dict[str, Any]) -> list[str]:
    return [
        name,
        count_text(target["instructions_per_inference"]),
        count_text(target["instructions_per_mac"], digits=2),
        count_text(target["instructions_per_step"]),
        count_text(target["instructions_per_hop"]),
        size_text(target["flash_bytes"]),
        size_text(target["ram_bytes"]),
        size_text(target["stack_bytes"]),
        f"{target['mismatched_bytes']:,} of {target['compared_bytes']:,}",
    ]


def _counting(targets: dict[str, Any]) -> bool:
    return any(target["instructions_per_inference"] is not None for target in targets.values())


def _goldens(targets: dict[str, Any]) -> str:
    target = next(iter(targets.values()))
    origins = ", ".join(f"{count:,} {name}" for name, count in target["inputs_from"].items())
    text = f"{target['inputs']:,} inputs ({origins}); outputs as {target['golden']} gives them"
    features = target["features"]
    if features is None:
        return text + "."
    return (
        f"{text}, features of {features['crops']:,} golden crops as the same C gives them on this "
        f"machine. TensorFlow's differ in {features['unlike_tensorflow']:,} of "
        f"{features['cells']:,} cells{_steps(features['unlike_tensorflow_by_steps'])}."
    )


def _steps(by_steps: dict[str, int]) -> str:
    if not by_steps:
        return ""
    return ", by " + ", ".join(f"{size} step(s): {count:,}" for size, count in by_steps.items())


def _built(name: str, target: dict[str, Any]) -> list[str]:
    machine = filter(None, [target.get("board"), target.get("emulator")])
    return [name, ", ".join(machine), target["compiler"], target["flags"]]


def _layers(name: str, target: dict[str, Any]) -> Section:
    rows = [
        [
            str(number),
            layer["operator"],
            " x ".join(map(str, layer["output_shape"])),
            count_text(layer["macs"]),
            count_text(layer["instructions"]),
            f"{100 * layer['share']:.1f} %",
            count_text(layer["instructions"] / layer["macs"], digits=2) if layer["macs"] else "",
        ]
        for number, layer in enumerate(target["layers"])
    ]
    return section(f"Layers on {name}", _LAYER_HEADER, rows)
