"""Targets of a model with a step: its instructions, memory and bytes."""

import numpy as np
import pytest
from c_models import VALID, Net
from harness_firmware import needs_compiler, needs_qemu

from export.c_code.model import generate
from firmware_harness.bench.devices import device_targets
from firmware_harness.bundle.c_files import KwsSources
from firmware_harness.bundle.read import open_bundle
from firmware_harness.errors import HarnessError
from firmware_harness.report.firmware import firmware_sections
from firmware_harness.report.tables import Section
from firmware_harness.runtimes.interpreter import Model

HOP, WINDOW = 3, 14  # the first step has a frame before the window


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    net = Net((1, WINDOW, 4, 1))
    x = net.conv_2d(0, channels=8, kernel=(3, 4), padding=VALID)
    x = net.conv_2d(x, channels=6, kernel=(3, 1), dilation=(2, 1), padding=VALID)
    path = tmp_path_factory.mktemp("steps") / "model.tflite"
    path.write_bytes(net.model(net.fully_connected(net.reshape(x, (1, 48)), units=12)))
    return path


def measure(path, name, *, wrong=("", "")):
    made = generate(path.read_bytes(), hop=HOP)
    bundle = open_bundle(path)
    files = {"kws_model.h": made.header, "kws_model.c": made.source.replace(*wrong)}
    plain = Model(bundle.model, resolver="reference")
    return device_targets((name,), bundle, plain, KwsSources(files=files), layers=False)


@needs_qemu
def test_a_step_takes_fewer_instructions_than_a_window(path):
    targets = measure(path, "cortex-m4")
    target = targets["cortex-m4"]
    assert target["step_frames"] == HOP
    assert 0 < target["instructions_per_step"] < target["instructions_per_inference"]
    made = generate(path.read_bytes(), hop=HOP).step
    assert target["state_bytes"] == made.state_bytes
    assert target["step_scratch_bytes"] == made.scratch_bytes
    (table, *_) = firmware_sections(targets)
    assert isinstance(table, Section)
    assert f"{target['instructions_per_step']:,}" in table.rows[0]


@needs_compiler
def test_a_step_with_other_bytes_than_the_window_is_refused(path):
    wrong = ("    move(kept + 0, ", "    if (0) move(kept + 0, ")
    with pytest.raises(HarnessError, match="kws_model_step gives other scores than kws_model_run"):
        measure(path, "host", wrong=wrong)


@needs_compiler
def test_a_step_that_writes_beyond_its_state_is_refused(path):
    line = "    move(kept + 0, "
    beyond = (line, f"    kept[KWS_MODEL_STATE_BYTES] = 1;\n{line}")
    with pytest.raises(HarnessError, match="writes beyond its memory"):
        measure(path, "host", wrong=beyond)


@needs_compiler
def test_a_model_without_steps_has_no_figures_of_them(tmp_path):
    net = Net((1, 4))
    (tmp_path / "model.tflite").write_bytes(net.model(net.unary("RELU", 0)))
    target = measure(tmp_path / "model.tflite", "host")["host"]
    assert (target["instructions_per_step"], target["step_frames"]) == (None, None)
    assert np.isfinite(target["compared_bytes"])
