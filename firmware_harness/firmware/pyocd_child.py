"""Program a board and read its result.

Run as `python -m firmware_harness.firmware.pyocd_child ELF CHIP ADDRESS`.

Runs as its own process, because pyOCD writes to standard output and loads USB drivers. `flash`
starts it. ADDRESS is the image's RTT control block. The result goes to standard output. An error
that a user can fix is one line on standard error, with exit code 2.
"""

# pyright: basic, reportMissingImports=false
# pyOCD is an extra.

import sys
import time
from typing import NoReturn

REFUSED = 2
_SECONDS = 120
# Offsets in the control block; source: stream_embedded.c.
_ID, _BUFFER, _SIZE, _WRITTEN = 0, 28, 32, 36
_MOST_BYTES = 1 << 16


def main(elf: str, chip: str, address: int) -> None:
    """Flash, run, and print the line that the image writes."""
    try:
        from pyocd.core import exceptions
        from pyocd.core.helpers import ConnectHelper
        from pyocd.core.session import Session
    except ImportError as error:
        _refuse(f"pyOCD cannot be loaded ({error}): pip install 'pyocd==0.46.0'.")
    probes = ConnectHelper.get_all_connected_probes(blocking=False)
    if len(probes) != 1:
        _refuse(_which(probes))
    options = {"target_override": chip, "hide_programming_progress": True}
    try:
        with Session(probes[0], options=options) as session:
            sys.stdout.write(_run(session, elf, address))
    except exceptions.TargetSupportError as error:
        _refuse(f"pyOCD cannot flash the chip {chip} ({error}); try pyocd pack install {chip}.")
    except exceptions.Error as error:
        _refuse(f"the board does not answer ({error}); check its cable and power, and try again.")


def _which(probes) -> str:
    if not probes:
        return (
            "no debug probe is attached. Connect the board by USB, or use --build-only and flash "
            "the files by other means."
        )
    names = ", ".join(f"{probe.description} {probe.unique_id}" for probe in probes)
    return f"{len(probes)} debug probes are attached ({names}); leave only the board's."


def _run(session, elf: str, address: int) -> str:
    from pyocd.flash.file_programmer import FileProgrammer

    programmer = FileProgrammer(session)
    programmer.add_file(elf)
    programmer.commit()
    target = session.target
    target.reset_and_halt()
    # RAM may hold the result of an earlier run: clear it before the core starts.
    for offset in (_ID, _WRITTEN):
        target.write32(address + offset, 0)
    target.resume()
    line = wait_for_line(target, address)
    if line is None:
        _refuse(f"the board gave no result in {_SECONDS} s; reset it and try again.")
    return line


def wait_for_line(target, address: int) -> str | None:
    """The image's output once it ends with a line feed; None if it never does."""
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        started = target.read32(address + _ID) != 0
        written = target.read32(address + _WRITTEN) if started else 0
        if 0 < written <= min(target.read32(address + _SIZE), _MOST_BYTES):
            content = target.read_memory_block8(target.read32(address + _BUFFER), written)
            text = bytes(content).decode("ascii", "replace")
            if text.endswith("\n"):
                return text
        time.sleep(0.05)
    return None


def _refuse(text: str) -> NoReturn:
    sys.stderr.write(" ".join(text.split()) + "\n")
    sys.exit(REFUSED)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3], 0))
