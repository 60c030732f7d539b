"""Vela's estimates for Arm's Ethos-U."""

import importlib.util
import subprocess

import pytest
import tiny_tflite
from places import GOLDEN

from firmware_harness.bench import ethos_u
from firmware_harness.bundle.read import ModelFile, read_tflite
from firmware_harness.errors import HarnessError

HAS_VELA = importlib.util.find_spec("ethosu") is not None
needs_vela = pytest.mark.skipif(not HAS_VELA, reason="needs the extra ethos-u: ethos-u-vela")


@needs_vela
def test_a_conv_net_runs_on_the_accelerator_alone():
    report = ethos_u.compile_for("ethos-u55-128", read_tflite(GOLDEN / "int8.tflite"))
    assert report["cpu_operators"] == []
    assert (report["system_config"], report["memory_mode"]) == (
        "Ethos_U55_High_End_Embedded",
        "Shared_Sram",
    )
    assert report["clock_hz"] == 500_000_000
    assert report["cycles"] >= report["npu_cycles"] > 0
    # 72 parameters at least lie in flash; input and output at least in SRAM.
    assert report["off_chip_flash_bytes"] >= 72
    assert report["sram_bytes"] >= 6 * 4


@needs_vela
@pytest.mark.parametrize("accelerator", ["ethos-u65-256", "ethos-u85-2048"])
def test_each_family_compiles_with_its_own_system(accelerator):
    report = ethos_u.compile_for(accelerator, read_tflite(GOLDEN / "int8.tflite"))
    assert report["system_config"].startswith(accelerator[:9].replace("ethos-u", "Ethos_U"))
    assert report["cycles"] > 0


@needs_vela
def test_an_operator_left_to_the_processor_is_named():
    content = tiny_tflite.one_operator(
        "L2_NORMALIZATION", [tiny_tflite.tensor([1, 4])] * 2, inputs=1
    )
    file = ModelFile(name="norm.tflite", content=content)
    report = ethos_u.compile_for("ethos-u55-128", file)
    assert report["cpu_operators"] == [{"name": "L2_NORMALIZATION", "count": 1}]


@needs_vela
def test_a_model_that_vela_refuses_is_named_in_one_line():
    file = read_tflite(GOLDEN / "lstm.tflite")
    with pytest.raises(
        HarnessError, match=r"cannot compile lstm\.tflite for ethos-u55-64"
    ) as error:
        ethos_u.compile_for("ethos-u55-64", file)
    assert "\n" not in str(error.value)


def test_every_size_that_the_help_promises_is_there():
    assert len(ethos_u.ACCELERATORS) == 11
    assert "ethos-u55-128" in ethos_u.ACCELERATORS


def test_memory_in_the_summary_is_kibibytes(tmp_path):
    path = tmp_path / "summary.csv"
    columns = {
        "core_clock": "500000000.0", "cycles_total": "89900", "cycles_npu": "88902",
        "sram_memory_used": "21.671875", "off_chip_flash_memory_used": "30.375",
        "nn_macs": "2664792",
    }  # fmt: skip
    path.write_text(",".join(columns) + "\n" + ",".join(columns.values()) + "\n")
    assert ethos_u.read_summary(path) == {
        "clock_hz": 500_000_000, "cycles": 89_900, "npu_cycles": 88_902, "sram_bytes": 22_192,
        "off_chip_flash_bytes": 31_104, "macs": 2_664_792,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "core_clock\n1\n", "core_clock,cycles_total\nfast,1\n"])
def test_a_summary_of_another_vela_is_refused(tmp_path, text):
    path = tmp_path / "summary.csv"
    path.write_text(text)
    with pytest.raises(HarnessError, match="Vela's summary is not as expected"):
        ethos_u.read_summary(path)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(ethos_u, "PACKAGE", "no-such-package")
    with pytest.raises(HarnessError, match=r"pip install 'ethos-u-vela==5\.2\.0'"):
        ethos_u.compile_for("ethos-u55-128", read_tflite(GOLDEN / "int8.tflite"))


@needs_vela
def test_a_compiler_that_dies_is_reported_by_its_signal(monkeypatch):
    def die(*_, **__):
        return subprocess.CompletedProcess([], -6, stdout="", stderr="")

    monkeypatch.setattr(ethos_u, "run_module", die)
    with pytest.raises(HarnessError, match="killed by SIGABRT; its last lines: none"):
        ethos_u.compile_for("ethos-u55-128", read_tflite(GOLDEN / "int8.tflite"))
