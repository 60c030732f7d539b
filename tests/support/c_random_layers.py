"""Models of one random layer with weights: odd channels, single pixels, windows past the input."""

import numpy as np
from c_models import SAME, VALID, Case, Net, random_inputs

ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6")


def random_layer(seed: int) -> Case:
    """The same seed gives the same model."""
    rng = np.random.default_rng(seed)
    shape = (1, *map(int, rng.integers(1, 12, 2)), int(rng.integers(1, 14)))
    if seed % 12 in (0, 7):  # larger than what is copied into its padding
        shape = (1, 13, 11, int(rng.integers(15, 20)))
    net = Net(shape, seed=seed, zero=int(rng.choice([-128, 127, 0, -3])))
    output = (_conv, _conv, _pointwise, _depthwise, _depthwise, _dense)[seed % 6](net, rng)
    return Case(model=net.model(output), inputs=random_inputs(shape, seed=seed))


def _window(net: Net, rng: np.random.Generator) -> dict:
    rows, columns = net.shapes[0][1:3]
    padding = SAME if rng.random() < 0.6 else VALID
    most = (12, 12) if padding == SAME else (rows, columns)
    kernel = tuple(int(rng.integers(1, min(edge, 6) + 1)) for edge in most)
    kernel = [kernel, (3, 3), (3, 3), (kernel[0], 1), (1, kernel[1])][rng.integers(5)]
    if padding == VALID and (kernel[0] > rows or kernel[1] > columns):
        kernel = (1, 1)
    dilated = padding == SAME and rng.random() < 0.3
    plain = dilated or rng.random() < 0.4
    return {
        "kernel": kernel,
        "stride": (1, 1) if plain else tuple(map(int, rng.integers(1, 4, 2))),
        "dilation": tuple(map(int, rng.integers(1, 4, 2))) if dilated else (1, 1),
        "padding": padding,
    }


def _scales(rng: np.random.Generator) -> dict:
    return {
        "activation": str(rng.choice(ACTIVATIONS)),
        "per_channel": bool(rng.random() < 0.8),
        "coarse": float(rng.choice([0.5, 1.0, 1.0, 1.0, 40.0])),
    }


def _conv(net: Net, rng: np.random.Generator) -> int:
    channels = int(rng.integers(1, 12))
    return net.conv_2d(0, channels=channels, **_window(net, rng), **_scales(rng))


def _pointwise(net: Net, rng: np.random.Generator) -> int:
    return net.conv_2d(0, channels=int(rng.integers(1, 40)), kernel=(1, 1), **_scales(rng))


def _depthwise(net: Net, rng: np.random.Generator) -> int:
    multiplier = int(rng.choice([1, 1, 1, 2]))
    return net.depthwise_conv_2d(0, multiplier=multiplier, **_window(net, rng), **_scales(rng))


def _dense(net: Net, rng: np.random.Generator) -> int:
    return net.fully_connected(0, units=int(rng.integers(1, 20)), **_scales(rng))
