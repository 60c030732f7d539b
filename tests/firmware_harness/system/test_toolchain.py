"""What is missing is named with the package that brings it."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from firmware_harness.errors import HarnessError
from firmware_harness.system import toolchain


@pytest.fixture
def only(tmp_path, monkeypatch):
    """A PATH that holds nothing but the programs given."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)

    def add(name: str, says: str) -> Path:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho '{says}'\n")
        path.chmod(0o755)
        return path

    return add


@pytest.mark.parametrize(
    ("find", "package"),
    [
        (toolchain.host_compiler, "gcc"),
        (toolchain.arm_compiler, "gcc-arm-none-eabi"),
        (toolchain.emulator, "qemu-system-arm"),
    ],
)
def test_a_missing_tool_is_named_with_its_debian_package(only, find, package):
    with pytest.raises(HarnessError, match=f"install the Debian package {package}[.,]") as error:
        find()
    assert "\n" not in str(error.value)


def test_a_compiler_without_c_library_names_the_librarys_package(only):
    only("arm-none-eabi-gcc", "nano.specs")
    with pytest.raises(HarnessError, match="install the Debian package libnewlib-arm-none-eabi"):
        toolchain.arm_compiler()


def test_a_compiler_with_its_library_is_taken_from_the_path(only):
    path = only("arm-none-eabi-gcc", "/usr/lib/arm-none-eabi/lib/nano.specs")
    assert toolchain.arm_compiler() == str(path)


def test_the_host_compiler_is_the_one_that_cc_names(only, monkeypatch):
    only("gcc", "")
    path = only("mine", "")
    monkeypatch.setenv("CC", "mine")
    assert toolchain.host_compiler() == [str(path)]
    monkeypatch.setenv("CC", "nowhere")
    with pytest.raises(HarnessError, match=r"nowhere is not there; .* name one in CC"):
        toolchain.host_compiler()


@pytest.mark.parametrize("text", ["ccache gcc", " ccache  gcc ", "ccache 'gcc'"])
def test_cc_may_hold_a_wrapper(only, monkeypatch, text):
    path = only("ccache", "")
    monkeypatch.setenv("CC", text)
    assert toolchain.host_compiler() == [str(path), "gcc"]


def test_cc_may_hold_options(only, monkeypatch):
    path = only("gcc", "")
    monkeypatch.setenv("CC", "gcc -m64 '-DA=b c'")
    assert toolchain.host_compiler() == [str(path), "-m64", "-DA=b c"]


def test_a_blank_cc_is_none(only, monkeypatch):
    path = only("cc", "")
    monkeypatch.setenv("CC", " ")
    assert toolchain.host_compiler() == [str(path)]


def test_an_open_quote_in_cc_is_told(only, monkeypatch):
    monkeypatch.setenv("CC", "gcc '-O")
    with pytest.raises(HarnessError, match=r"CC must name a C compiler .* got \"gcc '-O\""):
        toolchain.host_compiler()


def test_a_folder_that_allows_no_programs_is_told_with_what_to_do(tmp_path, monkeypatch):
    toolchain.refuse_no_programs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_NOEXEC))
    with pytest.raises(HarnessError, match=f"^{tmp_path.parent} does not allow .* in TMPDIR"):
        toolchain.refuse_no_programs(tmp_path)


def test_a_version_is_the_first_line_that_a_tool_says(only):
    assert toolchain.version_of(str(only("tool", "tool 1.2\nCopyright"))) == "tool 1.2"


def test_a_tool_that_does_not_run_is_named(tmp_path):
    with pytest.raises(HarnessError, match=r"nothing does not run .* install it again") as error:
        toolchain.version_of(str(tmp_path / "nothing"))
    assert "\n" not in str(error.value)


def test_the_tools_of_this_machine_are_found_where_the_path_has_them():
    if shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None:
        pytest.skip("needs gcc-arm-none-eabi and qemu-system-arm")
    assert "arm-none-eabi-gcc" in toolchain.version_of(toolchain.arm_compiler())
    assert "QEMU" in toolchain.version_of(toolchain.emulator())
