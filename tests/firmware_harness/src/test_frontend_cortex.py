"""The front end on emulated cores: the oracle's bytes, instructions a hop, and memory."""

from functools import cache

import frontend_c
import harness_firmware as stub
import numpy as np
import pytest
from frontend_c import INPUT_SCALE, SPECS, ZERO_POINT

from firmware_harness.bench.cortex import BOARDS, footprint, run_on_board
from firmware_harness.bundle.c_files import KwsSources
from firmware_harness.firmware.boards import load_board
from firmware_harness.firmware.emulator import instructions
from firmware_harness.measure.workload import Workload
from pld_tf.features.fixed_point import fixed_point_features

pytestmark = stub.needs_qemu

FRAMES = 24
LOUDNESS = (0, 300, 3000, 30000)


def sources(name):
    return KwsSources(files={**stub.model_c(), **frontend_c.sources(SPECS[name], frames=FRAMES)})


def workload(name):
    """Half a second of noise of each loudness, and the oracle's features of it."""
    spec = SPECS[name]
    count = spec.window_samples + (FRAMES - 1) * spec.hop_samples
    noise = np.random.default_rng(0).normal(0, 1, (len(LOUDNESS), count))
    audio = np.clip(noise * np.array(LOUDNESS)[:, None], -32768, 32767).astype(np.int16)
    features = [
        fixed_point_features(each, spec, input_scale=INPUT_SCALE, input_zero_point=ZERO_POINT)
        for each in audio
    ]
    return Workload(
        inputs=np.zeros((1, 4), np.int8),
        origins={},
        outputs=np.zeros((1, 4), np.int8),
        golden="",
        as_devices=True,
        audio=audio,
        features=np.reshape(features, (len(audio), -1)),
    )


@cache
def measured(core, name):
    return run_on_board(load_board(BOARDS[core]), sources(name), workload(name))


@pytest.mark.parametrize("core", BOARDS)
@pytest.mark.parametrize("name", ["40 mel bins", "10 mfcc", "radix 2 first at 8 kHz"])
def test_an_emulated_core_gives_the_oracles_bytes(core, name):
    np.testing.assert_array_equal(measured(core, name).features, workload(name).features)


@pytest.mark.parametrize("core", BOARDS)
@pytest.mark.parametrize("name", ["40 mel bins", "10 mfcc"])
def test_a_hop_of_20_ms_takes_at_most_30000_instructions(core, name):
    numbers = measured(core, name).numbers
    assert numbers["hops"] == len(LOUDNESS) * (FRAMES - 1)
    ticks = instructions(load_board(BOARDS[core]), numbers["hop_ticks"])
    assert 10_000 < ticks / numbers["hops"] <= 30_000


@pytest.mark.parametrize("name", ["40 mel bins", "10 mfcc"])
def test_state_and_stack_take_at_most_6_kb(name):
    numbers = measured("cortex-m4", name).numbers
    assert numbers["frontend_state_bytes"] + numbers["frontend_stack_bytes"] <= 6 * 1024


@pytest.mark.parametrize("name", ["40 mel bins", "10 mfcc"])
def test_code_and_tables_take_at_most_9_kb(name):
    board = load_board(BOARDS["cortex-m4"])
    without = footprint(board, KwsSources(files=stub.model_c())).flash_bytes
    assert footprint(board, sources(name)).flash_bytes - without <= 9 * 1024
