"""The C twins of kernels for the DSP extension, on thousands of random layers."""

from functools import cache

import numpy as np
import pytest
from c_model_run import needs_compiler
from c_random_layers import random_layer
from dsp_kernels import Run, fits_memory, run_assembly, run_twins, runs_of
from harness_firmware import needs_qemu
from layer_oracle import oracle

from export.c_code.optimize import Optimize

FEW, MANY = range(240), range(240, 1500)
GATHERS = ("pixels", "inside", "padded", "anywhere")
CORES = (
    "cortex-m4",
    *(
        pytest.param(core, marks=pytest.mark.slow)
        for core in ("cortex-m7", "cortex-m33", "cortex-m55")
    ),
)
KERNELS = {
    *(f"convolve_{gather}_{bits}_bits" for gather in GATHERS for bits in (8, 16)),
    *(f"depthwise_filter_{window}" for window in ("1x3", "3x3", "any")),
}


@cache
def runs_of_layers(seeds: range) -> list[Run]:
    """Layers of random shapes, with a drawn input and one of extremes each."""
    sizes = (Optimize.SIZE, Optimize.SPEED)
    runs = (runs_of(random_layer(seed), sizes[seed // 6 % 2]) for seed in seeds)
    return [run for each in runs for run in each[::4]]


@needs_compiler
@pytest.mark.parametrize("seeds", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_every_byte_is_the_oracles(seeds, tmp_path):
    runs = runs_of_layers(seeds)
    check(runs, run_twins(runs, tmp_path))


@needs_qemu
@pytest.mark.parametrize("core", CORES)
def test_the_assembly_gives_the_oracles_bytes_as_well(core, tmp_path):
    runs = [run for run in runs_of_layers(FEW) if fits_memory(run)]
    check(runs, run_assembly(runs, tmp_path, core))


def check(runs: list[Run], outputs: list[np.ndarray]) -> None:
    for run, found in zip(runs, outputs, strict=True):
        golden = oracle(run.layer, run.values)
        np.testing.assert_array_equal(
            np.maximum(found, run.least), np.maximum(golden, run.least), err_msg=run.variant.name
        )


def test_the_layers_take_every_kernel():
    expected = {f"{kernel}{rounding}" for kernel in KERNELS for rounding in ("", "_signed")}
    assert {run.variant.name for run in runs_of_layers(FEW)} == {*expected, "multiply_row"}
