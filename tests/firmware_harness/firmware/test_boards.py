"""Records of boards, and that firmware links for each."""

from pathlib import Path

import harness_firmware as stub
import pytest

from firmware_harness.bundle.c_files import KwsSources, sources_of
from firmware_harness.bundle.read import open_bundle
from firmware_harness.errors import HarnessError
from firmware_harness.firmware import boards
from firmware_harness.firmware.boards import Board, board_names, load_board, read_board
from firmware_harness.firmware.build import FOOTPRINT_FILES, link_image
from firmware_harness.firmware.image import build_board_image
from firmware_harness.measure.workload import make_workload
from firmware_harness.runtimes.interpreter import Model

MINE = """\
name = "mine"
description = "A board of a test"
core = "cortex-m4"
flash_origin = 0x08000000
flash_bytes = 0x40000
ram_origin = 0x20000000
ram_bytes = 0x8000
clock_hz = 16_000_000
pyocd_target = "stm32f4"
source = "the test"
"""


def record(folder: Path, *, without: str = "", **changes: str) -> Path:
    """MINE with lines changed or left out; a value None leaves its key out."""
    keys = [line.partition(" = ") for line in MINE.splitlines()]
    values = {key: value for key, _, value in keys} | changes
    values.pop(without, None)
    path = folder / "mine.toml"
    path.write_text("".join(f"{key} = {value}\n" for key, value in values.items()))
    return path


def test_the_boards_of_the_documentation_are_shipped():
    assert board_names() == [
        "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547", "nrf52840-dk", "nucleo-h7a3zi",
        "nucleo-l4r5zi", "raspberry-pi-pico-2",
    ]  # fmt: skip


@pytest.mark.parametrize("name", board_names())
def test_a_shipped_record_is_named_as_its_file_and_can_be_reached(name):
    board = load_board(name)
    assert board.name == name
    assert board.emulated or board.pyocd_target


def test_a_users_board_takes_ten_lines(tmp_path):
    assert len(MINE.splitlines()) == 10
    board = load_board(str(record(tmp_path)))
    assert (board.name, board.ram_bytes, board.emulated) == ("mine", 32768, False)
    assert board.core_flags == (
        "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16",
    )  # fmt: skip


def test_a_core_without_fpu_uses_no_float_registers(tmp_path):
    board = read_board(record(tmp_path, fpu="false"))
    assert board.core_flags == ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft")


def test_the_linker_gets_the_boards_memory(tmp_path):
    text = read_board(record(tmp_path)).memory_map()
    assert "FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 0x40000" in text
    assert "RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 0x8000" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flash_size": "1"}, "unknown key 'flash_size'; closest is flash_bytes"),
        ({"core": '"cortex-a53"'}, "core must be one of cortex-m3, .*, got 'cortex-a53'"),
        ({"name": '"My Board"'}, "name must be lower-case letters"),
        ({"name": '"../x"'}, "name must be lower-case letters"),
        ({"flash_bytes": '"1M"'}, "flash_bytes must be int, got str '1M'"),
        ({"ram_bytes": "true"}, "ram_bytes must be int, got bool"),
        ({"ram_bytes": "0"}, "ram_origin and ram_bytes must be multiples of 8 inside 4 GB"),
        ({"ram_origin": "-8"}, "ram_origin and ram_bytes must be"),
        ({"flash_bytes": "0x100000000"}, "flash_origin and flash_bytes must be"),
        ({"flash_origin": "0x08000100"}, "flash_origin must be a multiple of 512"),
        ({"clock_hz": "0"}, "clock_hz must be a frequency in hertz, got 0"),
        ({"qemu_machine": '"m"'}, "belong together, but one is missing"),
        ({"image_def": '"rp1"'}, "image_def must be one of rp2350, got 'rp1'"),
        ({"uf2_family": "-1"}, "uf2_family must have 32 bits, got -1"),
        ({"fpu": "1"}, "fpu must be bool, got int 1"),
        ({"source": "]"}, "is not TOML"),
        ({"without": "source"}, "missing source. Copy a shipped"),
    ],
)
def test_a_wrong_record_is_refused_with_its_key(tmp_path, changes, message):
    with pytest.raises(HarnessError, match=message) as error:
        read_board(record(tmp_path, **changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"\xff", b"a=" + b"[" * 60_000, b"#" * 70_000])
def test_a_file_that_is_no_record_is_refused(tmp_path, content):
    path = tmp_path / "board.toml"
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=r"board\.toml"):
        read_board(path)


def test_a_record_of_any_editor_is_read(tmp_path):
    path = record(tmp_path)
    board = read_board(path)
    text = path.read_text("utf-8").replace("\n", "\r\n")
    path.write_text("\ufeff" + text, "utf-16-le", newline="")
    assert read_board(path) == board


def test_an_unknown_board_is_refused_with_the_closest_name(tmp_path):
    with pytest.raises(HarnessError, match="no board named 'nucleo-l4r5'; closest is nucleo-l4r5"):
        load_board("nucleo-l4r5")
    with pytest.raises(
        HarnessError, match=r"the board .*nothing\.toml can't be read: No such file"
    ):
        load_board(str(tmp_path / "nothing.toml"))


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A bundle's C, and its workload."""
    path = stub.write_bundle(tmp_path_factory.mktemp("boards") / "bundle")
    bundle = open_bundle(path)
    plain = Model(bundle.model, resolver="reference")
    return sources_of(bundle, path, None), make_workload(bundle, plain, frontend=True)


@stub.needs_arm
@pytest.mark.parametrize("name", board_names())
def test_firmware_links_for_every_board_and_fits_its_memory(name, parts, tmp_path):
    board = load_board(name)
    image = build_board_image(board, *parts, out=tmp_path)
    assert 1000 < image.sections.flash_bytes < 8000 <= board.flash_bytes
    # Most of it are the 4 KB of a board's result.
    assert image.sections.ram_bytes < 5000 <= board.ram_bytes - 4096
    content = image.files["bin"].read_bytes()
    stack_top, reset = (int.from_bytes(content[i : i + 4], "little") for i in (0, 4))
    assert stack_top == board.ram_origin + board.ram_bytes
    assert board.flash_origin < reset < board.flash_origin + len(content)
    assert reset % 2 == 1  # the Thumb bit


@stub.needs_arm
def test_only_an_rp2350_gets_uf2_and_the_block_that_its_boot_rom_looks_for(parts, tmp_path):
    block = bytes.fromhex("d3deffff 42012110 ff010000 00000000 793512ab")
    pico = build_board_image(load_board("raspberry-pi-pico-2"), *parts, out=tmp_path / "pico")
    other = build_board_image(load_board("nrf52840-dk"), *parts, out=tmp_path / "other")
    assert pico.files["bin"].read_bytes().index(block) % 4 == 0
    assert pico.files["bin"].read_bytes().index(block) < 4096
    assert pico.files["uf2"].read_bytes().startswith(b"UF2\n")
    assert block not in other.files["bin"].read_bytes()
    assert "uf2" not in other.files


@stub.needs_arm
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flash_bytes": "0x80"}, "region `FLASH' overflowed by"),
        ({"ram_bytes": "0x1000"}, "less than 4096 bytes of stack|region `RAM' overflowed"),
    ],
)
def test_firmware_that_does_not_fit_is_refused_in_one_line(tmp_path, changes, message):
    board = read_board(record(tmp_path, **changes))
    sources = KwsSources(files=stub.model_c())
    sources.write(tmp_path)
    with pytest.raises(
        HarnessError, match=f"building firmware for mine failed.*{message}"
    ) as error:
        link_image(board, sources, files=FOOTPRINT_FILES, out=tmp_path / "small.elf")
    assert "\n" not in str(error.value)


def test_every_core_that_a_record_may_name_has_its_flags():
    flags = {
        core: Board(
            name="b", description="", core=core, flash_origin=0, flash_bytes=8, ram_origin=0,
            ram_bytes=8, source="",
        ).core_flags
        for core in boards.CORES
    }  # fmt: skip
    assert all(f"-mcpu={core}" in options for core, options in flags.items())
    assert "-mfloat-abi=soft" in flags["cortex-m3"]
    assert "-mfpu=fpv5-d16" in flags["cortex-m7"]
