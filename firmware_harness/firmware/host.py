"""The benchmark on this machine: all bytes, no counts. Other targets' features must equal these."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from firmware_harness.bundle.c_files import BENCH, KwsSources, bench_paths
from firmware_harness.errors import HarnessError
from firmware_harness.firmware.build import run_tool
from firmware_harness.firmware.run_files import Measured, read_measured, write_workload
from firmware_harness.measure.workload import Workload
from firmware_harness.system.child import ending, run_command
from firmware_harness.system.temporary import temporary_folder
from firmware_harness.system.toolchain import host_compiler, refuse_no_programs

FLAGS = ("-std=c99", "-O2")
_FILES = ("bench_main.c", "none_on_host.c", "stream_stdio.c")
_SECONDS = 600


def run_on_host(
    sources: KwsSources, workload: Workload, *, flags: Sequence[str] = FLAGS
) -> Measured:
    """Compile the benchmark for this machine and run it, in a process of its own.

    Args:
      sources: the C to measure.
      workload: what it runs on.
      flags: of the compiler; a test adds sanitizers.

    Raises:
      HarnessError: no compiler, it refuses the C, or the program fails.
    """
    with temporary_folder() as folder:
        refuse_no_programs(folder)
        sources.write(folder)
        write_workload(folder, workload)
        build_for_host(sources, folder / "bench", crops=workload.crops, flags=flags)
        _run(folder / "bench")
        return read_measured(folder, workload)


def build_for_host(
    sources: KwsSources, out: Path, *, crops: int, flags: Sequence[str] = FLAGS
) -> None:
    """Compile the benchmark; the folder of `out` holds the sources.

    Raises:
      HarnessError: no compiler, or it refuses the C.
    """
    own = [out.parent / name for name in sources.compiled]
    compiled = [*own, *bench_paths(out.parent, _FILES)]
    command = [
        *host_compiler(), *flags, *sources.defines(crops=crops), f"-I{out.parent}", f"-I{BENCH}",
        *map(str, compiled), "-o", str(out),
    ]  # fmt: skip
    run_tool(
        command,
        folder=out.parent,
        doing="building the C for this machine",
        otherwise="Name another compiler in CC, or export the bundle again.",
    )


def _run(program: Path) -> None:
    try:
        ended = run_command([str(program)], folder=program.parent, seconds=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise HarnessError(f"the C on this machine did not end within {_SECONDS} s.") from error
    if ended.returncode != 0:
        raise HarnessError(
            f"the C on this machine {ending(ended)}. Export the firmware bundle again."
        )
