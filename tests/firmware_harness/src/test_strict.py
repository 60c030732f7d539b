"""The hand-written C: strict C99 for host and Cortex-M, valid C++, and no heap."""

import re
import shutil
import subprocess

import frontend_c
import harness_firmware as stub
import pytest
import stub_bundle
from stub_bundle import compiler, write_c

from firmware_harness.bench.cortex import BOARDS
from firmware_harness.bundle.shared_c import bundle_sources, host_source
from firmware_harness.firmware.boards import load_board
from pld_tf.features.spec import FeatureSpec

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wvla", "-Werror"]
STRICT = ["-std=c99", "-O2", *WARNINGS, "-Wmissing-prototypes"]
HOST = ["-DKWS_HOST_FRONTEND", "-DKWS_HOST_STREAM"]


def write_all(place, spec):
    """A stub bundle's C, with the real front end of a spec."""
    write_c(place)
    frontend_c.write(place, frontend_c.sources(spec, frames=5))
    model = stub_bundle.MODEL_H.replace("INPUT_BYTES 10", f"INPUT_BYTES {5 * spec.bins}")
    (place / "kws_model.h").write_text(model)
    (place / "kws_host.c").write_text(host_source())
    return place


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("strict"), FeatureSpec(mfcc=10))


def compile_all(folder, command):
    names = sorted(path.name for path in folder.glob("kws*.c"))
    assert {"kws.c", "kws_decision.c", "kws_frontend.c", "kws_frontend_tables.c"} < set(names)
    ended = subprocess.run(
        [*command, "-c", *names], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@frontend_c.every_spec
def test_gcc_has_no_warning_for_the_host(name, tmp_path):
    folder = write_all(tmp_path, frontend_c.SPECS[name])
    compile_all(folder, [compiler("cc", "gcc"), *STRICT, *HOST])


def test_clang_has_no_warning_for_the_host(folder):
    compile_all(folder, [compiler("clang"), *STRICT, *HOST])


@pytest.mark.parametrize("target", ["riscv32", "riscv64", "arm-none-eabi"])
def test_it_needs_no_c_library(target, tmp_path):
    """Nothing but the compiler's own headers; calls that are left are found in the folder itself.

    Functions that begin with __ are the compiler's own, such as a division of 64 bits.
    """
    clang = compiler("clang")
    folder = write_all(tmp_path, FeatureSpec(mfcc=10))
    (folder / "kws_host.c").unlink()
    said = subprocess.run(
        [clang, "-print-resource-dir"], capture_output=True, text=True, check=True
    )
    flags = [f"--target={target}", "-ffreestanding", "-nostdinc", "-Os", *WARNINGS, "-std=c99"]
    compile_all(folder, [clang, *flags, "-isystem", f"{said.stdout.strip()}/include"])
    assert calls_left(folder) == set()


def test_without_a_string_header_the_three_functions_are_there(tmp_path):
    """A compiler that is not told so, and has no C library."""
    clang = compiler("clang")
    folder = write_all(tmp_path, FeatureSpec(mfcc=10))
    said = subprocess.run(
        [clang, "-print-resource-dir"], capture_output=True, text=True, check=True
    )
    flags = ["--target=riscv32", "-nostdinc", "-nostdlibinc", "-O2", "-std=c99"]
    command = [clang, *flags, "-isystem", f"{said.stdout.strip()}/include", "-c", "kws_memory.c"]
    subprocess.run(command, cwd=folder, check=True)
    assert symbols_of(folder / "kws_memory.o") == {
        ("W", "memcpy"),
        ("W", "memmove"),
        ("W", "memset"),
    }


def test_with_a_c_library_they_are_not(folder, tmp_path):
    made = tmp_path / "memory.o"
    command = [compiler(), "-std=c99", "-O2", "-c", "kws_memory.c", "-o", made]
    subprocess.run(command, cwd=folder, check=True)
    assert symbols_of(made) == set()


@pytest.mark.parametrize("level", ["-O0", "-O3"])
def test_the_three_functions_copy_and_fill_as_the_librarys_do(level, tmp_path):
    (tmp_path / "main.c").write_text(MEMORY_MAIN)
    for name in ("kws_memory.h", "kws_memory.c"):
        (tmp_path / name).write_text(bundle_sources()[name])
    command = [compiler(), "-std=c99", level, *STRICT[2:], "-fno-builtin", "-DKWS_NO_LIBRARY"]
    own = ["-Dmemcpy=own_copy", "-Dmemmove=own_move", "-Dmemset=own_set"]
    subprocess.run([*command, *own, "-c", "kws_memory.c"], cwd=tmp_path, check=True)
    subprocess.run([compiler(), "main.c", "kws_memory.o", "-o", "main"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "main"], check=False, timeout=60).returncode == 0


MEMORY_MAIN = """
#include <string.h>
void *own_copy(void *, const void *, size_t);
void *own_move(void *, const void *, size_t);
void *own_set(void *, int, size_t);
int main(void)
{
    for (int from = 0; from < 20; from++)
        for (int to = 0; to < 20; to++)
            for (int count = 0; count < 20; count++) {
                char a[64], b[64];
                for (int i = 0; i < 64; i++) a[i] = b[i] = (char)(i * 7);
                if (own_move(a + to, a + from, (size_t)count) != a + to) return 1;
                memmove(b + to, b + from, (size_t)count);
                if (memcmp(a, b, sizeof a)) return 2;
                if (own_set(a + to, from - 9, (size_t)count) != a + to) return 3;
                memset(b + to, from - 9, (size_t)count);
                if (memcmp(a, b, sizeof a)) return 4;
                if (own_copy(a + 40, a + from, (size_t)count) != a + 40) return 5;
                memcpy(b + 40, b + from, (size_t)count);
                if (memcmp(a, b, sizeof a)) return 6;
            }
    return 0;
}
"""


def symbols_of(made) -> set[tuple[str, str]]:
    tool = shutil.which("llvm-nm") or "nm"  # the first knows the objects of every target
    said = subprocess.run([tool, made], check=True, capture_output=True, text=True).stdout
    return {tuple(line.split()[-2:]) for line in said.splitlines()}  # type: ignore[misc]


def calls_left(folder) -> set[str]:
    """What the objects of a folder call and none of them has."""
    symbols = {each for made in folder.glob("*.o") for each in symbols_of(made)}
    called = {name for kind, name in symbols if kind == "U" and not name.startswith("__")}
    return called - {name for kind, name in symbols if kind != "U"}


@stub.needs_arm
@pytest.mark.parametrize("name", BOARDS)
def test_gcc_has_no_warning_for_a_cortex_m(folder, name):
    flags = load_board(BOARDS[name]).core_flags
    compile_all(folder, ["arm-none-eabi-gcc", *flags, *STRICT])


def test_it_is_valid_cpp(folder):
    compile_all(folder, [compiler("g++", "clang++"), "-x", "c++", "-O2", *WARNINGS, *HOST])


def test_a_cpp_program_links_with_the_c(tmp_path):
    """extern "C": the names of the C are found from C++."""
    write_c(tmp_path)
    (tmp_path / "main.cpp").write_text(
        '#include "kws.h"\nstatic struct kws k;\nint main() { return kws_init(&k, nullptr); }\n'
    )
    files = ("kws.c", "kws_decision.c", "kws_frontend.c", "kws_model.c")
    for command in (
        [compiler("cc", "gcc"), "-c", *files],
        [compiler("g++"), "main.cpp", *(name.replace(".c", ".o") for name in files), "-o", "main"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "main"], check=False).returncode == 0


@pytest.mark.parametrize("name", ["kws.c", "kws_decision.c", "kws_frontend.c"])
def test_it_has_no_heap_no_files_and_no_variables_of_its_own(name, folder, tmp_path):
    """What an object lacks is what it calls; what it has is code and constants."""
    made = tmp_path / "made.o"
    subprocess.run(
        [compiler(), "-std=c99", "-O2", "-fno-pic", "-c", name, "-o", made], cwd=folder, check=True
    )
    said = subprocess.run(["nm", made], check=True, capture_output=True, text=True).stdout
    symbols = [line.split()[-2:] for line in said.splitlines()]
    foreign = {name for kind, name in symbols if kind == "U" and not name.startswith("kws_")}
    assert foreign <= {"memcpy", "memmove", "memset", "__stack_chk_fail"}
    assert {kind for kind, _ in symbols} <= set("UTtRr")


@pytest.mark.parametrize("name", sorted(bundle_sources()))
def test_a_file_says_first_what_it_is_for(name):
    assert bundle_sources()[name].startswith(f"/* {name.removeprefix('examples/')} - ")


@pytest.mark.parametrize("name", [each for each in bundle_sources() if "/" not in each])
def test_it_has_no_floating_point(name):
    code = re.sub(r"/\*.*?\*/", "", bundle_sources()[name], flags=re.DOTALL)
    assert not re.search(r"\b(float|double)\b|\d\.\d", code)
