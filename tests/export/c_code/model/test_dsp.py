"""Kernels for the DSP extension, as their C twins on this machine: the bytes of the portable C."""

import numpy as np
import pytest
from c_model_run import needs_compiler, run_c
from c_random_layers import random_layer
from c_random_models import random_case

from export.c_code.model.kernels.dsp.optimize import Optimize

CASES = {
    **{f"layer {seed}": random_layer(seed) for seed in range(5)},
    **{f"model {seed}": random_case(seed) for seed in range(5)},
}
TWINS = ("-DKWS_MODEL_TWINS",)
ENDS = (Optimize.SIZE, Optimize.SPEED)


@pytest.fixture(scope="module")
def portable(tmp_path_factory):
    return run_c(CASES, tmp_path_factory.mktemp("portable"))


@needs_compiler
@pytest.mark.parametrize("optimize", ENDS)
def test_the_twins_of_the_kernels_give_the_bytes_of_the_portable_c(optimize, portable, tmp_path):
    twins = run_c(CASES, tmp_path, defines=TWINS, optimize=optimize)
    for name, outputs in portable.items():
        np.testing.assert_array_equal(twins[name], outputs, err_msg=name)
