"""Kernels for the DSP extension, as their C twins on this machine: the bytes of the portable C."""

import numpy as np
import pytest
from c_model_run import needs_compiler, run_c
from c_models import SAME, case
from c_random_layers import random_layer
from c_random_models import random_case

from export.c_code.model import generate
from export.c_code.optimize import Optimize


def sums_and_products(net):
    """Inputs of one scale and of others, repeated along dimensions, and activations."""
    pixel = net.mean(0, [1, 2], keep_dims=True)
    row = net.pool("MAX_POOL_2D", 0, window=(9, 1), stride=(9, 1))
    x = net.add(net.add(0, 0), net.add(row, 0, activation="RELU"))
    x = net.mul(net.mul(x, pixel), net.mul(0, row, activation="RELU6"))
    values = net.rng.integers(-128, 128, (7,)).astype(np.int8)
    return net.add(x, net.constant(values, scale=9.0, zero=5))


def means(net):
    """Over more pixels than 16 bits hold sums of, of more channels than four and of fewer."""
    wide = net.mean(0, [1, 2], keep_dims=True)
    return net.add(wide, net.mean(net.conv_2d(0, channels=2), [1, 2], keep_dims=True))


def averages(net):
    """Windows that the padding cuts, one over all pixels, and one of three channels."""
    x = net.pool("AVERAGE_POOL_2D", 0, window=(3, 4), stride=(2, 3), padding=SAME)
    whole = net.pool("AVERAGE_POOL_2D", 0, window=(9, 40), stride=(9, 40), activation="RELU")
    x = net.add(x, whole)
    return net.pool("AVERAGE_POOL_2D", net.conv_2d(x, channels=3), window=(2, 2), stride=(1, 1))


def dilated_column(net):
    """Every second and third pixel of a column; three do not divide eight."""
    x = net.depthwise_conv_2d(0, kernel=(3, 1), dilation=(2, 1))
    x = net.depthwise_conv_2d(x, kernel=(5, 1), dilation=(4, 1), activation="RELU")
    return net.depthwise_conv_2d(x, kernel=(3, 1), dilation=(3, 1))


def rows(net):
    """Dense layers of one row: taps that are no multiple of four, and fewer units than four."""
    x = net.fully_connected(0, units=6, coarse=0.001)  # scales that the portable code takes alone
    return net.fully_connected(net.fully_connected(x, units=13, activation="RELU"), units=3)


CASES = {
    "sums and products": case("sums and products", (1, 9, 5, 7), sums_and_products),
    "means": case("means", (1, 20, 30, 1), means),
    "means of channels": case("means of channels", (1, 20, 30, 9), lambda net: net.mean(0, [1, 2])),
    "averages": case("averages", (1, 9, 40, 6), averages),
    "dilated column": case("dilated column", (1, 8, 1, 5), dilated_column),
    "rows": case("rows", (1, 35), rows),
    **{f"layer {seed}": random_layer(seed) for seed in range(5)},
    **{f"model {seed}": random_case(seed) for seed in range(5)},
}
TWINS = ("-DKWS_MODEL_TWINS",)
KERNELS = ("add_scaled", "mul_scaled", "mean_of_four", "average_of_four", "filter_1x3_signed")
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


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_cases_take_these_kernels(kernel):
    assert any(f" {kernel}(" in generate(each.model).source for each in CASES.values())
