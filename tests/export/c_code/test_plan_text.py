"""The plan of the generated C: what the manifest records of each layer, and its table."""

import pytest
from c_models import Net

from export.c_code.files import model_c
from export.c_code.optimize import Optimize
from export.c_code.plan_text import plan_text


def entry(optimize: Optimize) -> dict:
    """Twelve by ten pixels of eight channels: filtered, mixed, and made the greatest of."""
    net = Net((1, 12, 10, 8))
    x = net.conv_2d(net.depthwise_conv_2d(0), channels=4, kernel=(1, 1), activation="RELU")
    made = model_c(net.model(net.pool("MAX_POOL_2D", x)), optimize=optimize).entry
    assert made is not None
    return made


def layers(optimize: Optimize) -> list[dict]:
    return entry(optimize)["layers"]


@pytest.mark.parametrize(
    ("optimize", "bits"), [(Optimize.SIZE, 8), (Optimize.BALANCED, 16), (Optimize.SPEED, 16)]
)
def test_a_convolution_has_weights_of_8_or_16_bits(optimize, bits):
    """Two pairs of rows of eight taps, each with two biases and two scales of three words."""
    assert layers(optimize)[1]["kernel"] == f"convolve_pixels_{bits}_bits"
    assert layers(optimize)[1]["weight_bytes"] == 2 * (2 * 8 * bits // 8 + 4 * (2 + 6))


def test_wider_weights_save_instructions_only():
    small, fast = layers(Optimize.SIZE), layers(Optimize.SPEED)
    assert fast[1]["instructions"] < small[1]["instructions"]
    assert [layer["writes"] for layer in fast] == [layer["writes"] for layer in small]


def test_the_plan_has_a_row_for_each_layer():
    table = plan_text(entry(Optimize.SIZE)).splitlines()
    assert table[0].split() == [
        "layer", "kernel", "reads", "writes", "work", "weights", "instructions", "per", "MAC",
    ]  # fmt: skip
    assert table[1].split()[:4] == [
        "depthwise_conv_2d_0",
        "depthwise_filter_3x3_signed",
        "input",
        "0",
    ]
    assert table[2].split()[:4] == ["conv_2d_1", "convolve_pixels_8_bits", "0", "0"]
    assert table[3].split() == ["max_pool_2d_2", "portable", "0", "output", "0"]
    assert "good at size" in table[4]
