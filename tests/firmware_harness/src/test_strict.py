"""The hand-written C: strict C99 for host and Cortex-M, valid C++, and no heap."""

import re
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


def compile_all(folder, command, *, without=()):
    names = sorted(path.name for path in folder.glob("kws*.c"))
    assert {"kws.c", "kws_decision.c", "kws_frontend.c", "kws_frontend_tables.c"} < set(names)
    files = [name for name in names if name not in without]
    ended = subprocess.run(
        [*command, "-c", *files], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@frontend_c.every_spec
def test_gcc_has_no_warning_for_the_host(name, tmp_path):
    folder = write_all(tmp_path, frontend_c.SPECS[name])
    compile_all(folder, [compiler("cc", "gcc"), *STRICT, *HOST])


def test_clang_has_no_warning_for_the_host(folder):
    compile_all(folder, [compiler("clang"), *STRICT, *HOST])


@stub.needs_arm
@pytest.mark.parametrize("name", BOARDS)
def test_gcc_has_no_warning_for_a_cortex_m(folder, name):
    flags = load_board(BOARDS[name]).core_flags
    compile_all(folder, ["arm-none-eabi-gcc", *flags, *STRICT], without=("kws_example.c",))


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
    assert bundle_sources()[name].startswith(f"/* {name} - ")


@pytest.mark.parametrize("name", sorted(set(bundle_sources()) - {"kws_example.c"}))
def test_it_has_no_floating_point(name):
    code = re.sub(r"/\*.*?\*/", "", bundle_sources()[name], flags=re.DOTALL)
    assert not re.search(r"\b(float|double)\b|\d\.\d", code)
