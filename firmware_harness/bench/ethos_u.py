"""What a model costs on an Arm Ethos-U, estimated by the compiler Vela. Extra `ethos-u`."""

# pyright: reportMissingTypeStubs=false

import csv
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from ai_edge_litert import schema_py_generated

from firmware_harness.bundle.read import ModelFile
from firmware_harness.errors import HarnessError
from firmware_harness.system.child import ending, run_module, way_out
from firmware_harness.system.temporary import temporary_folder

PACKAGE = "ethos-u-vela"
# As on a microcontroller: activations in an SRAM shared with the processor, weights in flash.
MEMORY_MODE = "Shared_Sram"
_SYSTEMS = {
    "ethos-u55": "Ethos_U55_High_End_Embedded",
    "ethos-u65": "Ethos_U65_Embedded",
    "ethos-u85": "Ethos_U85_SYS_Flash_High",
}
# The number means MACs per cycle.
ACCELERATORS = tuple(
    f"{family}-{macs}"
    for family, sizes in {
        "ethos-u55": (32, 64, 128, 256),
        "ethos-u65": (256, 512),
        "ethos-u85": (128, 256, 512, 1024, 2048),
    }.items()
    for macs in sizes
)
_KIB = 1024
_schema: Any = schema_py_generated  # has no types


def require_vela() -> str:
    """Version of the package ethos-u-vela.

    Raises:
      HarnessError: it is not installed.
    """
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        raise HarnessError(
            f"An Ethos-U target needs the package {PACKAGE}, which is not installed: "
            "pip install 'ethos-u-vela==5.2.0'."
        ) from None


def compile_for(accelerator: str, file: ModelFile) -> dict[str, Any]:
    """Compile a model with Vela, in a process of its own, and read its summary.

    Args:
      accelerator: one of `ACCELERATORS`.
      file: an integer model.

    Returns:
      The target's object of the report; docs/formats.md names its fields.

    Raises:
      HarnessError: Vela is missing or refuses the model; the text has its last lines.
    """
    version = require_vela()
    system = _SYSTEMS[accelerator.rpartition("-")[0]]
    with temporary_folder() as folder:
        (folder / "model.tflite").write_bytes(file.content)
        options = {
            "--accelerator-config": accelerator,
            "--config": "Arm/vela.ini",
            "--system-config": system,
            "--memory-mode": MEMORY_MODE,
            "--output-dir": str(folder),
        }
        arguments = [text for option in options.items() for text in option]
        ended = run_module("ethosu.vela", "model.tflite", *arguments, folder=folder)
        if ended.returncode != 0:
            raise HarnessError(
                f"Vela cannot compile {file.name} for {accelerator}: its process {ending(ended)}. "
                + way_out(ended, "Use an int8 model of pld-tf export --int8, or another --target.")
            )
        report = read_summary(folder / f"model_summary_{system}.csv")
        on_cpu = cpu_operators((folder / "model_vela.tflite").read_bytes())
    return {
        "version": version,
        "system_config": system,
        "memory_mode": MEMORY_MODE,
        **report,
        "cpu_operators": [{"name": name, "count": count} for name, count in on_cpu.items()],
    }


def read_summary(path: Path) -> dict[str, int]:
    """Clock, cycles and memory from Vela's CSV of one network, which gives memory in KiB.

    Raises:
      HarnessError: the file or a column is missing, as with another version of Vela.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            row = next(csv.DictReader(stream), cast(dict[str, str], {}))
        return {
            "clock_hz": round(float(row["core_clock"])),
            "cycles": round(float(row["cycles_total"])),
            "npu_cycles": round(float(row["cycles_npu"])),
            "sram_bytes": round(float(row["sram_memory_used"]) * _KIB),
            "off_chip_flash_bytes": round(float(row["off_chip_flash_memory_used"]) * _KIB),
            "macs": round(float(row["nn_macs"])),
        }
    except (OSError, KeyError, ValueError) as error:
        raise HarnessError(
            f"Vela's summary is not as expected ({error!r}). Install the version that is "
            "tested: pip install 'ethos-u-vela==5.2.0'."
        ) from error


def cpu_operators(compiled: bytes) -> dict[str, int]:
    """Operators that Vela leaves to the processor, by name; counted in its compiled model."""
    model = _schema.ModelT.InitFromPackedBuf(compiled)
    codes = cast(dict[str, Any], vars(_schema.BuiltinOperator))
    names = {number: name for name, number in codes.items() if name.isupper()}
    counts: Counter[str] = Counter()
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = names[max(code.deprecatedBuiltinCode, code.builtinCode)]
            counts[code.customCode.decode() if name == "CUSTOM" else name] += 1
    del counts["ethos-u"]  # everything that runs on the accelerator
    return dict(sorted(counts.items()))
