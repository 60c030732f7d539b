"""Random int8 models of which parts can be computed step by step, and streams for them."""

import math

import numpy as np
from c_models import SAME, VALID, Net
from c_steps import Stream

LEAST_ROWS = 3
ACTIVATIONS = ("NONE", "NONE", "NONE", "RELU6")  # a clamp may leave nothing of a layer


def random_stream(seed: int) -> Stream:
    """The same seed gives the same model and stream. Windows of 8 to 32 frames, steps of 1 to 6."""
    rng = np.random.default_rng(seed)
    window, bins, hop = (int(rng.integers(*ends)) for ends in ((8, 33), (1, 9), (1, 7)))
    net = Net((1, window, bins, 1), seed=seed, zero=int(rng.integers(-128, 128)))
    x = 0
    if rng.random() < 0.5:  # bins are channels
        x = net.reshape(x, (1, window, 1, bins))
    # One layer must have something to compute anew.
    x = net.conv_2d(x, channels=int(rng.integers(2, 6)), **_window(net, rng, x))
    for _ in range(rng.integers(1, 6)):
        made = _LAYERS[rng.integers(len(_LAYERS))](net, rng, x)
        x = made if net.shapes[made][1] >= LEAST_ROWS else x
    steps = -(-window // hop) + int(rng.integers(1, 8))
    frames = rng.integers(-128, 128, (steps * hop, bins)).astype(np.int8)
    if rng.random() < 0.2:
        frames = np.where(frames < 0, -128, 127).astype(np.int8)
    return Stream(model=net.model(_head(net, rng, x)), hop=hop, frames=frames, window=window)


def _head(net: Net, rng, x: int) -> int:
    """What reads the whole window: often all rows, so that each of their bytes is compared."""
    kind = rng.random()
    if kind < 0.2:
        return net.fully_connected(net.mean(x, [1, 2], scale=net.scale(x) / 8), units=4)
    if kind < 0.4:
        x = net.conv_2d(x, channels=3, kernel=(3, 1), padding=SAME)
    flat = net.reshape(x, (1, math.prod(net.shapes[x])))
    return net.fully_connected(flat, units=3) if kind > 0.9 else flat


def _window(net, rng, x, most: int = 4) -> dict:
    """Without padding, or with padding of the bins where one row is read."""
    rows, columns = net.shapes[x][1:3]
    padded = rng.random() < 0.3
    kernel = (
        1 if padded else int(rng.integers(1, min(most, rows - 1) + 1)),
        int(rng.integers(1, min(3, columns) + 1)),
    )
    room = (rows - 1) // max(1, kernel[0] - 1)
    dilation = int(rng.integers(1, min(3, room) + 1)) if rng.random() < 0.3 else 1
    stride = 1 if dilation > 1 else int(rng.integers(1, 4))
    return {
        "kernel": kernel,
        "stride": (stride, 1 if dilation > 1 else int(rng.integers(1, 3))),
        "dilation": (dilation, 1),
        "padding": SAME if padded else VALID,
        "activation": rng.choice(ACTIVATIONS),
    }


def _conv(net, rng, x) -> int:
    return net.conv_2d(x, channels=int(rng.integers(1, 8)), **_window(net, rng, x))


def _depthwise(net, rng, x) -> int:
    return net.depthwise_conv_2d(x, multiplier=int(rng.integers(1, 3)), **_window(net, rng, x))


def _pooled(net, rng, x) -> int:
    window = _window(net, rng, x, most=3)
    name = str(rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
    kept = {key: window[key] for key in ("stride", "padding", "activation")}
    return net.pool(name, x, window=window["kernel"], **kept)


def _padded_bins(net, rng, x) -> int:
    return net.pad(x, [(0, 0), (0, 0), tuple(map(int, rng.integers(0, 3, 2))), (0, 0)])


def _unary(net, rng, x) -> int:
    fine = net.quantize(x, scale=min(1.0, net.scale(x)))
    return net.unary(str(rng.choice(["RELU", "RELU6", "LOGISTIC", "HARD_SWISH"])), fine)


def _mean_of_bins(net, rng, x) -> int:
    return net.mean(x, [2], keep_dims=True)


def _constant(net, rng, x) -> int:
    values = rng.integers(-128, 128, net.shapes[x][-1:]).astype(np.int8)
    return net.mul(x, net.constant(values, scale=0.1, zero=int(rng.integers(-128, 128))))


def _residual(net, rng, x) -> int:
    """A block with a shortcut that is cut to the rows that its convolutions leave."""
    rows, channels = net.shapes[x][1], net.shapes[x][3]
    taps = int(rng.integers(1, min(4, rows - 1) + 1))
    y = net.conv_2d(x, channels=channels, kernel=(taps, 1), padding=VALID, activation="RELU")
    left = net.shapes[y][1]
    if left != rows:
        start = (rows - left) // 2
        x = net.strided_slice(x, [None, start, None, None], [None, start + left, None, None])
    if rng.random() < 0.3:
        return net.concatenation(x, net.quantize(y, scale=net.scale(x), zero=net.zero(x)))
    return net.add(x, y, activation=rng.choice(ACTIVATIONS))


def _broadcast(net, rng, x) -> int:
    return net.add(x, net.mean(x, [2], keep_dims=True))


_LAYERS = (
    _conv, _conv, _depthwise, _pooled, _padded_bins, _unary, _mean_of_bins, _constant,
    _residual, _residual, _broadcast,
)  # fmt: skip
