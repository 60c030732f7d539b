"""An export that is killed leaves the old bundle whole or the new one whole."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest
from places import GOLDEN
from preloaded import preloaded
from tiny_bundle import folder_bytes, handmade

from export.convert import converter
from export.jobs import from_run as export_module
from export.jobs import students
from firmware_harness.bundle.read import open_bundle

KILLS = 50
CHUNK_BYTES = 512


def slow_conversion(*, outputs: dict[str, Path], **_: object) -> None:
    """In place of the converter, which takes seconds: writes golden models piece by piece."""
    for kind, path in outputs.items():
        content = (GOLDEN / f"{kind}.tflite").read_bytes()
        with path.open("wb") as file:
            for start in range(0, len(content), CHUNK_BYTES):
                file.write(content[start : start + CHUNK_BYTES])
                file.flush()


def export_here(bundle: Path, out: Path, seed: int) -> None:
    """`export_bundle` of a bundle made by hand, whose model and crops do not belong together."""
    converter.convert = slow_conversion
    students._check_ends = lambda model, bundle, *, kind: None
    fits = {"crops": 1, "correct_float": 1, "lost": 0, "gained": 0, "same": 1}
    measured = export_module.accuracy.Parity(**fits, max_logit_difference_steps=float(seed))
    patched = {
        "_measure": lambda bundle, *, model, folder: measured,
        "write_crops": lambda bundle, *, model, folder: write_crops(folder),
        "run_gate": lambda *_: ({"stages": [], "stages_skipped": {}}, []),
    }
    for name, value in patched.items():
        assert hasattr(export_module, name)
        setattr(export_module, name, value)
    export_module.export_bundle(bundle, out=out)


def write_crops(stage: Path) -> None:
    (stage / "golden.npz").write_bytes(b"x" * 9999)


def export_child(bundle: Path, out: Path, seed: int, begun) -> None:
    begun.set()
    export_here(bundle, out, seed)


def die_at(number: int, bundle: Path, out: Path, seed: int, events) -> None:
    """Export, and be killed before the file operation of that number."""

    def count(event: str, arguments: tuple) -> None:
        if event in WATCHED:
            events.value += 1
            if events.value == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    export_here(bundle, out, seed)


# ctypes.dlsym is the exchange of two folders.
WATCHED = (
    "open",
    "os.rename",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "ctypes.dlsym",
    "shutil.rmtree",
)


@pytest.fixture(scope="module")
def processes():
    with preloaded("pytest", "export.jobs.from_run", "firmware_harness.bundle.read") as context:
        yield context


@pytest.fixture
def bundle(tmp_path) -> Path:
    return handmade(tmp_path / "bundle")


def finish(process) -> None:
    process.join()
    assert process.exitcode == 0


def assert_whole(out: Path) -> int:
    """The bundle is complete, by its own hashes; gives the seed of the export that wrote it."""
    open_bundle(out)
    manifest = json.loads((out / "manifest.json").read_text())
    written = set(folder_bytes(out)) - {"manifest.json"}
    assert written == set(manifest["files"])
    return int(manifest["validation"]["max_logit_difference_steps"])


def export_with(processes, bundle: Path, out: Path, seed: int) -> None:
    begun = processes.Event()  # outlives the start of the process
    process = processes.Process(target=export_child, args=(bundle, out, seed, begun))
    process.start()
    finish(process)


@pytest.mark.slow
def test_an_export_killed_before_any_of_its_file_operations_leaves_a_whole_bundle(
    processes, bundle, tmp_path
):
    """Every ninth operation, and each of the last thirty, in which folders change places."""
    out = tmp_path / "firmware" / "out"
    export_with(processes, bundle, out, 0)
    total = killed_at(processes, bundle, out, 10**9, seed=0)
    found = set()
    for number in sorted({*range(1, total, 9), *range(total - 30, total + 1)}):
        killed_at(processes, bundle, out, number, seed=number)
        found.add(assert_whole(out) == number)
        export_with(processes, bundle, out, 0)
        assert assert_whole(out) == 0
        assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert found == {True, False}  # some were killed before the exchange, some after


def killed_at(processes, bundle: Path, out: Path, number: int, *, seed: int) -> int:
    """How many operations an export came to."""
    events = processes.Value("i", 0, lock=False)
    process = processes.Process(target=die_at, args=(number, bundle, out, seed, events))
    process.start()
    process.join()
    assert process.exitcode == (-signal.SIGKILL if events.value == number else 0)
    return events.value


@pytest.mark.slow
def test_an_export_killed_fifty_times_at_random_leaves_a_whole_bundle(processes, bundle, tmp_path):
    out = tmp_path / "firmware" / "out"
    export_with(processes, bundle, out, 0)
    started = time.monotonic()
    export_with(processes, bundle, out, 0)
    takes = time.monotonic() - started
    moments = random.Random(0)
    seed = killed = 0
    while killed < KILLS:
        before = assert_whole(out)
        seed += 1
        begun = processes.Event()
        process = processes.Process(target=export_child, args=(bundle, out, seed, begun))
        process.start()
        begun.wait()
        time.sleep(moments.uniform(0, takes))
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        assert assert_whole(out) in (before, seed)
    export_with(processes, bundle, out, 0)
    assert [path.name for path in out.parent.iterdir()] == ["out"]
