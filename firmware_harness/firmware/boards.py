"""Boards that firmware can be built for: one small TOML record each, shipped or the user's own."""

import difflib
import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, get_args

from firmware_harness.errors import HarnessError
from firmware_harness.system.people_text import read_people_text

FOLDER = Path(__file__).parents[1] / "boards"
MAX_RECORD_BYTES = 1 << 16
MAX_ADDRESS = 1 << 32
_NAME = re.compile("[a-z0-9][a-z0-9._-]{0,63}")
# GCC's options for each core, without and with its usual FPU.
CORES = {
    "cortex-m3": (("-mcpu=cortex-m3",), None),
    "cortex-m4": (("-mcpu=cortex-m4",), "fpv4-sp-d16"),
    "cortex-m7": (("-mcpu=cortex-m7",), "fpv5-d16"),
    "cortex-m33": (("-mcpu=cortex-m33",), "fpv5-sp-d16"),
    "cortex-m55": (("-mcpu=cortex-m55",), "auto"),
}
IMAGE_DEFS = ("rp2350",)


@dataclass(frozen=True, kw_only=True)
class Board:
    """Where code and data lie, and how an image is flashed.

    Args:
      name: as --board takes it.
      description: for people.
      core: one of `CORES`.
      fpu: False for a core without its usual floating-point unit.
      flash_origin, flash_bytes: memory for code and constants.
      ram_origin, ram_bytes: memory for data and stack, in one piece.
      clock_hz: of the core after reset; None if the maker gives no exact figure.
      pyocd_target: the chip's name in `pyocd list --targets` or in a CMSIS pack.
      qemu_machine: QEMU's name of an emulated board.
      qemu_systick_hz: clock of its SysTick.
      uf2_family: of the chip's boot ROM, if it takes UF2 files.
      image_def: block that the chip's boot ROM looks for, one of `IMAGE_DEFS`.
      source: where the figures come from.
    """

    name: str
    description: str
    core: str
    flash_origin: int
    flash_bytes: int
    ram_origin: int
    ram_bytes: int
    source: str
    fpu: bool = True
    clock_hz: int | None = None
    pyocd_target: str | None = None
    qemu_machine: str | None = None
    qemu_systick_hz: int | None = None
    uf2_family: int | None = None
    image_def: str | None = None

    @property
    def emulated(self) -> bool:
        return self.qemu_machine is not None

    @property
    def core_flags(self) -> tuple[str, ...]:
        """GCC's options for the core."""
        flags, unit = CORES[self.core]
        if not self.fpu or unit is None:
            return *flags, "-mthumb", "-mfloat-abi=soft"
        return *flags, "-mthumb", "-mfloat-abi=hard", f"-mfpu={unit}"

    def memory_map(self) -> str:
        """The linker's MEMORY command."""
        return (
            "MEMORY\n{\n"
            f"  FLASH (rx) : ORIGIN = {self.flash_origin:#010x}, LENGTH = {self.flash_bytes:#x}\n"
            f"  RAM (rwx) : ORIGIN = {self.ram_origin:#010x}, LENGTH = {self.ram_bytes:#x}\n"
            "}\n"
        )


def board_names() -> list[str]:
    """Names of the shipped boards, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_board(name: str) -> Board:
    """A shipped board by its name, or a user's by the path of its .toml.

    Raises:
      HarnessError: there is no board of that name, or its record is wrong.
    """
    if name.endswith(".toml"):
        return read_board(Path(name))
    if name in board_names():
        return read_board(FOLDER / f"{name}.toml")
    close = difflib.get_close_matches(name, board_names(), n=1)
    hint = f"; closest is {close[0]}" if close else ""
    raise HarnessError(
        f"no board named {name!r}{hint}. Boards: {', '.join(board_names())}; or give the path of "
        "a .toml of your own."
    )


def read_board(path: Path) -> Board:
    """Read and check one record.

    Raises:
      HarnessError: the file cannot be read, or a key is missing, unknown or out of its range.
    """
    record = _read_toml(path)
    known = [field.name for field in fields(Board)]
    for key in record:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"; closest is {close[0]}" if close else ""
            raise HarnessError(f"{path}: unknown key {key!r}{hint}. Keys: {', '.join(known)}.")
    for field in fields(Board):
        if field.name in record:
            _check_type(path, field, record[field.name])
    missing = [f.name for f in fields(Board) if f.name not in record and f.default is MISSING]
    if missing:
        raise HarnessError(f"{path}: missing {', '.join(missing)}. Copy a shipped board's record.")
    board = Board(**record)
    _check_values(path, board)
    return board


def _read_toml(path: Path) -> dict[str, Any]:
    text = read_people_text(path, "the board", error=HarnessError, max_bytes=MAX_RECORD_BYTES)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"{path} is not TOML: {error}.") from error


def _check_type(path: Path, field: Any, value: object) -> None:
    kinds: tuple[type, ...] = get_args(field.type) or (field.type,)
    if type(value) not in kinds:  # True does not count as a number
        expected, given = kinds[0].__name__, type(value).__name__
        raise HarnessError(f"{path}: {field.name} must be {expected}, got {given} {value!r}.")


def _check_values(path: Path, board: Board) -> None:
    for problem in (_names_problem(board), _memory_problem(board), _ways_problem(board)):
        if problem:
            raise HarnessError(f"{path}: {problem}.")


def _names_problem(board: Board) -> str | None:
    if not _NAME.fullmatch(board.name):
        return f"name must be lower-case letters, digits, '.', '_' and '-', got {board.name!r}"
    for key, value, allowed in (
        ("core", board.core, tuple(CORES)),
        ("image_def", board.image_def, (None, *IMAGE_DEFS)),
    ):
        if value not in allowed:
            names = ", ".join(filter(None, allowed))
            return f"{key} must be one of {names}, got {value!r}"
    return None


def _memory_problem(board: Board) -> str | None:
    for area, origin, size in (
        ("flash", board.flash_origin, board.flash_bytes),
        ("ram", board.ram_origin, board.ram_bytes),
    ):
        if origin < 0 or size <= 0 or origin + size > MAX_ADDRESS or (origin | size) % 8:
            return (
                f"{area}_origin and {area}_bytes must be multiples of 8 inside 4 GB, got "
                f"{origin:#x} and {size:#x}"
            )
    if board.flash_origin % 512:  # alignment of the vector table on every core
        return f"flash_origin must be a multiple of 512, got {board.flash_origin:#x}"
    return None


def _ways_problem(board: Board) -> str | None:
    for key in ("clock_hz", "qemu_systick_hz"):
        value = getattr(board, key)
        if value is not None and not 0 < value < MAX_ADDRESS:
            return f"{key} must be a frequency in hertz, got {value}"
    if (board.qemu_machine is None) != (board.qemu_systick_hz is None):
        return "qemu_machine and qemu_systick_hz belong together, but one is missing"
    if board.uf2_family is not None and not 0 <= board.uf2_family < MAX_ADDRESS:
        return f"uf2_family must have 32 bits, got {board.uf2_family}"
    return None
