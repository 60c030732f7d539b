"""Finds compilers and emulators. An error for a missing one names the package to install."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from firmware_harness.errors import HarnessError

ARM_PREFIX = "arm-none-eabi-"
EMULATOR = "qemu-system-arm"
_SECONDS = 60  # limit for printing a version


def host_compiler() -> list[str]:
    """Command of a C compiler for this machine: `$CC`, else cc, gcc or clang.

    CC may hold more than a name, as in a shell: `ccache gcc`, `gcc -m32`.

    Raises:
      HarnessError: there is none.
    """
    wanted = _words_of_cc()
    for name, *others in [wanted] if wanted else [["cc"], ["gcc"], ["clang"]]:
        path = shutil.which(name)
        if path:
            return [path, *others]
    raise HarnessError(
        f"a C compiler is needed, but {wanted[0] if wanted else 'cc'} is not there; install the "
        "Debian package gcc, or name one in CC."
    )


def _words_of_cc() -> list[str]:
    text = os.environ.get("CC", "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise HarnessError(
            f"CC must name a C compiler as a shell takes it, got {text!r} ({error})."
        ) from error


def refuse_no_programs(folder: Path) -> None:
    """Refuse a folder in which no program may run, as where a system mounts /tmp with noexec.

    Raises:
      HarnessError: it is such a folder.
    """
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        raise HarnessError(
            f"{folder.parent} does not allow programs (it is mounted with noexec), and compiled C "
            "must run there. Name another folder in TMPDIR."
        )


def arm_compiler() -> str:
    """Path of GCC for bare-metal Arm; its C library for firmware is checked too.

    Raises:
      HarnessError: one of them is missing.
    """
    path = arm_tool("gcc")
    # GCC returns the bare name for a file that it does not find.
    if not Path(said_by([path, "-print-file-name=nano.specs"])).is_absolute():
        raise HarnessError(
            f"{path} finds no C library for Arm; install the Debian package "
            "libnewlib-arm-none-eabi."
        )
    return path


def arm_tool(name: str) -> str:
    """Path of a tool of bare-metal Arm GCC: gcc, objcopy, size.

    Raises:
      HarnessError: it is missing.
    """
    return _find(ARM_PREFIX + name, package="gcc-arm-none-eabi")


def emulator() -> str:
    """Path of QEMU for Arm.

    Raises:
      HarnessError: it is missing.
    """
    return _find(EMULATOR, package="qemu-system-arm")


def version_of(*command: str) -> str:
    """First line of a tool's --version output, without its folder."""
    return said_by([*command, "--version"]).partition("\n")[0].strip()


def said_by(command: list[str]) -> str:
    """Standard output of a tool, without white space around it.

    Raises:
      HarnessError: it does not run.
    """
    try:
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise HarnessError(f"{command[0]} does not run ({error}); install it again.") from error
    return ended.stdout.strip()


def _find(name: str, *, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise HarnessError(f"{name} is not there; install the Debian package {package}.")
    return path
