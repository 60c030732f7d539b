"""The command `flash`: files for a board, and what a probe reads from it."""

import json
import os
import subprocess
import sys
import time

import harness_firmware as stub
import pytest
import typer
from typer.testing import CliRunner

from firmware_harness.bundle.c_files import sources_of
from firmware_harness.bundle.read import open_bundle
from firmware_harness.cli import flash as flash_command
from firmware_harness.errors import HarnessError
from firmware_harness.firmware import flash, image, pyocd_child
from firmware_harness.firmware.boards import load_board
from firmware_harness.firmware.image import build_board_image
from firmware_harness.firmware.run_files import parse_result
from firmware_harness.measure.workload import make_workload
from firmware_harness.runtimes.interpreter import Model

app = typer.Typer()
app.command()(flash_command)


def run(*arguments):
    """Standard output of the command; what a user caused is raised."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, HarnessError | OSError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return stub.write_bundle(tmp_path_factory.mktemp("flash") / "bundle")


def test_the_list_names_every_board_and_what_it_is():
    listed = run("--list")
    assert "nucleo-l4r5zi        ST Nucleo-144" in listed
    assert len(listed.splitlines()) == 8
    assert {board["core"] for board in json.loads(run("--list", "--json"))} == {
        "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55",
    }  # fmt: skip


@pytest.mark.slow
@stub.needs_arm
def test_build_only_writes_the_files_and_their_sizes(bundle, tmp_path):
    options = ("--board", "raspberry-pi-pico-2", "--build-only", "--out", tmp_path)
    report = json.loads(run(bundle, *options, "--json"))
    assert set(report["files"]) == {"elf", "bin", "hex", "uf2"}
    for kind, file in report["files"].items():
        path = tmp_path / f"raspberry-pi-pico-2.{kind}"
        assert (file["path"], file["bytes"]) == (str(path), path.stat().st_size)
    assert report["files"]["bin"]["bytes"] == report["image_flash_bytes"]
    assert report["board_ram_bytes"] == 520 * 1024
    page = run(bundle, *options)
    assert f"{tmp_path}/raspberry-pi-pico-2.uf2: {report['files']['uf2']['bytes']:,} bytes" in page
    assert f"flash, with stored crops: {report['image_flash_bytes']:,} of 4,194,304 bytes" in page


@pytest.mark.slow
@stub.needs_arm
def test_the_same_bundle_gives_the_same_image(bundle, tmp_path):
    for name in ("one", "two"):
        run(bundle, "--board", "nrf52840-dk", "--build-only", "--out", tmp_path / name)
    one, two = (tmp_path / name / "nrf52840-dk.bin" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


@stub.needs_qemu
def test_an_emulated_board_is_run_and_counts_instructions(bundle):
    report = json.loads(run(bundle, "--board", "mps2-an386", "--json"))
    assert 10 < report["instructions_per_inference"] < 100
    assert 10 < report["instructions_per_hop"] < 200
    assert (report["inputs"], report["mismatched_bytes"]) == (3, 0)
    assert "instructions per inference: " in run(bundle, "--board", "mps2-an386")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a BUNDLE and a --board; pld-tf flash --list"),
        (["bundle"], "name a BUNDLE and a --board"),
        (["bundle", "--board", "x", "--build-only"], "--build-only needs --out"),
        (["bundle", "--board", "nrf52480-dk"], "closest is nrf52840-dk"),
    ],
)
def test_a_command_that_lacks_something_is_refused_in_one_line(arguments, message):
    with pytest.raises(HarnessError, match=message):
        run(*arguments)


@stub.needs_arm
def test_an_out_that_cannot_be_written_is_refused(bundle, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileExistsError, match=f"{tmp_path}/file"):
        run(bundle, "--board", "nrf52840-dk", "--build-only", "--out", tmp_path / "file")


def test_kept_files_replace_earlier_ones_and_never_a_file_of_the_user(tmp_path):
    made = [tmp_path / "made" / name for name in ("board.elf", "board.bin")]
    made[0].parent.mkdir()
    for path in made:
        path.write_text("new")
    out = tmp_path / "out"
    assert [path.name for path in image._keep(made, out)] == ["board.elf", "board.bin"]
    image._keep(made, out)
    (out / "board.bin").write_text("mine")
    made[0].write_text("newer")
    with pytest.raises(HarnessError, match=r"board\.bin exists, .* or give another --out"):
        image._keep(made, out)
    assert (out / "board.bin").read_text() == "mine"
    assert (out / "board.elf").read_text() == "new"


@stub.needs_qemu
def test_an_emulated_board_leaves_files_of_the_user_in_out(bundle, tmp_path):
    for name in ("outputs.bin", "result.txt", "features.bin"):
        (tmp_path / name).write_text("mine")
    run(bundle, "--board", "mps2-an386", "--out", tmp_path)
    for name in ("outputs.bin", "result.txt", "features.bin"):
        assert (tmp_path / name).read_text() == "mine"


def test_without_pyocd_the_extra_is_named_before_anything_is_built(bundle, monkeypatch):
    monkeypatch.setattr(flash, "PACKAGE", "no-such-package")
    with pytest.raises(HarnessError, match=r"pip install 'pyocd==0\.46\.0'.*--build-only"):
        run(bundle, "--board", "nrf52840-dk")


MOST_LOOKS = 6000  # at what a board has written so far, 20 a second
FAKE = {
    "pyocd/__init__.py": "",
    "pyocd/core/__init__.py": "",
    "pyocd/core/exceptions.py": """
class Error(RuntimeError): pass
class TargetSupportError(Error): pass
""",
    "pyocd/core/helpers.py": """
import os
class Probe: description, unique_id = "A probe", "1234"
class ConnectHelper:
    @staticmethod
    def get_all_connected_probes(blocking):
        assert not blocking
        print("pyOCD says something")
        return [Probe] * int(os.environ["FAKE_PROBES"])
""",
    "pyocd/core/session.py": """
from pyocd.core import exceptions
class Target:
    def __init__(self): self.words, self.running = {}, False
    def reset_and_halt(self): pass
    def resume(self): self.running = True
    def write32(self, address, value): self.words[address] = value
    def read32(self, address):
        text = b"inputs=2 inference_ticks=5000 model_stack_bytes=8 mismatched_bytes=1\\n"
        assert self.running and self.words == {ADDRESS: 0, ADDRESS + 36: 0}
        return {0: 1, 28: 77, 32: 4096, 36: len(text)}[address - ADDRESS]
    def read_memory_block8(self, address, count):
        assert address == 77
        text = b"inputs=2 inference_ticks=5000 model_stack_bytes=8 mismatched_bytes=1\\n"
        return list(text[:count])
class Session:
    def __init__(self, probe, options):
        self.chip, self.target = options["target_override"], Target()
    def __enter__(self):
        if self.chip == "unknown": raise exceptions.TargetSupportError("no")
        if self.chip == "mute": raise exceptions.Error("no\\nACK")
        return self
    def __exit__(self, *_): pass
""",
    "pyocd/flash/__init__.py": "",
    "pyocd/flash/file_programmer.py": """
class FileProgrammer:
    def __init__(self, session): pass
    def add_file(self, path): assert path.endswith(".elf")
    def commit(self): pass
""",
}


@pytest.fixture
def attached(tmp_path, monkeypatch):
    """A package that behaves like pyOCD with so many probes, for the chip of a board."""

    def attach(probes, *, chip="nrf52840"):
        for name, text in FAKE.items():
            path = tmp_path / "fake" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("ADDRESS", "536870912"))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))
        monkeypatch.setenv("FAKE_PROBES", str(probes))
        monkeypatch.setattr(flash, "PACKAGE", "numpy")  # installed, for certain
        monkeypatch.setattr(
            "firmware_harness.firmware.image.BoardImage.rtt_address", lambda _: 2**29
        )
        text = load_board("nrf52840-dk")
        path = tmp_path / "board.toml"
        path.write_text(
            f'name = "mine"\ndescription = ""\ncore = "{text.core}"\nflash_origin = 0\n'
            f"flash_bytes = {text.flash_bytes}\nram_origin = {text.ram_origin}\n"
            f'ram_bytes = {text.ram_bytes}\npyocd_target = "{chip}"\nsource = ""\n'
        )
        return path

    return attach


@stub.needs_arm
def test_a_board_that_is_attached_gives_its_cycles(bundle, attached):
    report = json.loads(run(bundle, "--board", attached(1), "--json"))
    assert (report["cycles_per_inference"], report["cycles_per_hop"]) == (2500, None)
    assert (report["mismatched_bytes"], report["stack_bytes"]) == (1, 8)
    assert "instructions_per_inference" not in report


@stub.needs_arm
@pytest.mark.parametrize(
    ("probes", "chip", "message"),
    [
        (0, "nrf52840", r"no debug probe is attached\. Connect the board by USB"),
        (2, "nrf52840", r"2 debug probes are attached \(A probe 1234, A probe 1234\)"),
        (1, "unknown", r"cannot flash the chip unknown \(no\); try pyocd pack install unknown"),
        (1, "mute", r"the board does not answer \(no ACK\); check its cable"),
    ],
)
def test_what_is_wrong_with_the_board_is_one_line(bundle, attached, probes, chip, message):
    with pytest.raises(HarnessError, match=message) as error:
        run(bundle, "--board", attached(probes, chip=chip))
    assert "\n" not in str(error.value)


class Memory:
    """RAM of a machine, read like a target of pyOCD."""

    def __init__(self, content: bytes, origin: int):
        self.content, self.origin = content, origin

    def read32(self, address):
        return int.from_bytes(self.content[address - self.origin :][:4], "little")

    def read_memory_block8(self, address, count):
        return list(self.content[address - self.origin :][:count])


@stub.needs_qemu
def test_a_boards_image_compares_its_crops_and_leaves_the_result_for_a_probe(bundle, tmp_path):
    """Emulated with the memory of an MPS2; the probe is QEMU's monitor. DWT does not count."""
    text = "\n".join(
        line
        for line in (load_board_text("mps2-an386")).splitlines()
        if not line.startswith("qemu_")
    )
    (tmp_path / "board.toml").write_text(text.replace('"mps2-an386"', '"like-an386"'))
    board = load_board(str(tmp_path / "board.toml"))
    opened = open_bundle(bundle)
    plain = Model(opened.model, resolver="reference")
    workload = make_workload(opened, plain, frontend=True)
    workload.features[1, 2] ^= 1  # a byte that cannot match
    image = build_board_image(board, sources_of(opened, bundle, None), workload, out=tmp_path)
    memory = Memory(ram_after_a_run(image.files["elf"], tmp_path, size=1 << 16), board.ram_origin)
    line = pyocd_child.wait_for_line(memory, image.rtt_address())
    numbers, _ = parse_result(line)
    assert (numbers["inputs"], numbers["hops"], numbers["mismatched_bytes"]) == (3, 9, 1)
    assert numbers["model_stack_bytes"] > 0


def load_board_text(name):
    from firmware_harness.firmware.boards import FOLDER

    return (FOLDER / f"{name}.toml").read_text()


def ram_after_a_run(elf, folder, *, size):
    """The first bytes of RAM once they hold a result."""
    command = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-serial", "none"]
    with subprocess.Popen(
        [*command, "-monitor", "stdio", "-kernel", str(elf)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as machine:
        content, looks = b"", 0
        while b"overruns=0 \n" not in content and looks < MOST_LOOKS:
            looks += 1
            machine.stdin.write(f"pmemsave 0x20000000 {size} ram.bin\n")
            machine.stdin.flush()
            time.sleep(0.05)
            content = (folder / "ram.bin").read_bytes() if (folder / "ram.bin").exists() else b""
        machine.stdin.write("quit\n")
        machine.stdin.flush()
    return content


def test_a_board_that_stays_silent_is_given_up(monkeypatch):
    monkeypatch.setattr(pyocd_child, "_SECONDS", 0.1)
    assert pyocd_child.wait_for_line(Memory(bytes(100), 0), 0) is None


def test_the_child_names_the_extra_where_pyocd_cannot_be_loaded():
    """Isolated from this environment's packages, which may hold pyOCD."""
    script = (
        "import sys; sys.modules['pyocd'] = None\n"
        "from firmware_harness.firmware import pyocd_child\n"
        "pyocd_child.main('x.elf', 'chip', 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ
    )
    assert ended.returncode == pyocd_child.REFUSED
    assert "pip install 'pyocd==0.46.0'" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
