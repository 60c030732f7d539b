"""The limits that MLPerf Tiny's keyword model must keep on emulated cores."""

import harness_firmware as stub
import pytest

from firmware_harness.bench.bench import bench_tflite

pytestmark = [pytest.mark.slow, stub.needs_qemu]


def generate_c(path):
    from export.c_code.model import generate

    made = generate(path.read_bytes())
    return {"kws_model.h": made.header, "kws_model.c": made.source}


CORES = ["cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"]


@pytest.fixture(scope="module")
def report(shared):
    """Of all cores, because what they are compared with is the same."""
    pytest.importorskip("tflite_micro", reason="needs the extra tflm: tflite-micro")
    model = shared / "models" / "mlperf_tiny_kws_ref_model.tflite"
    return bench_tflite(model, examples=None, targets=CORES, generate_c=generate_c, layers=True)


@pytest.mark.parametrize("name", CORES)
def test_mlperf_tinys_keyword_model_equals_tflm_in_20_kb_of_ram_and_80_of_flash(report, name):
    target = report["targets"][name]
    assert target["golden"].startswith("TFLite Micro")
    assert (target["inputs"], target["compared_bytes"]) == (200, 2400)
    assert target["mismatched_bytes"] == 0
    assert target["instructions_per_inference"] <= 12_000_000
    assert target["ram_bytes"] <= 20 * 1024
    assert target["flash_bytes"] <= 80 * 1024
    layers = sum(layer["instructions"] for layer in target["layers"])
    assert layers == pytest.approx(target["instructions_per_inference"], rel=0.01)
    assert sum(layer["macs"] for layer in target["layers"]) == report["model"]["macs"]
