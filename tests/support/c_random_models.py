"""Random int8 models: chains and branches of all operators that have C code."""

import math

import numpy as np
from c_models import SAME, VALID, Case, Net, random_inputs

MAX_ELEMENTS = 2000
ACTIVATIONS = ("NONE", "RELU", "RELU6", "NONE")


def random_case(seed: int) -> Case:
    """The same seed gives the same model. Its output may be read by further layers."""
    rng = np.random.default_rng(seed)
    shape = (1, *map(int, rng.integers(1, 9, 2)), int(rng.integers(1, 6)))
    if rng.random() < 0.2:
        shape = (1, math.prod(shape))
    net = Net(shape, seed=seed, zero=int(rng.integers(-128, 128)))
    made = [net.input]
    for _ in range(rng.integers(2, 9)):
        # Mostly a chain, at times a branch off an earlier tensor.
        x = made[-1] if rng.random() < 0.7 else int(rng.choice(made))
        made.append(_layer(net, rng, x, made))
    output = made[-1] if rng.random() < 0.7 else int(rng.choice(made[1:]))
    return Case(model=net.model(output), inputs=random_inputs(shape, seed=seed))


def _layer(net: Net, rng: np.random.Generator, x: int, made: list[int]) -> int:
    layers = [_elementwise, _joined, _unary, _reshaped, _sliced]
    if len(net.shapes[x]) == 4:
        layers += [_conv, _conv, _depthwise, _pooled, _padded, _mean]
    elif math.prod(net.shapes[x]) <= 400:
        layers += [_dense, _dense]
    output = layers[rng.integers(len(layers))](net, rng, x, made)
    return output if math.prod(net.shapes[output]) <= MAX_ELEMENTS else x


def _window(net, rng, x) -> dict:
    size = net.shapes[x][1:3]
    kernel = tuple(int(rng.integers(1, min(4, edge) + 1)) for edge in size)
    dilated = rng.random() < 0.3
    return {
        "kernel": kernel,
        "stride": (1, 1) if dilated else tuple(map(int, rng.integers(1, 4, 2))),
        "dilation": tuple(map(int, rng.integers(1, 3, 2))) if dilated else (1, 1),
        "padding": SAME if dilated or rng.random() < 0.6 else VALID,
        "activation": rng.choice(ACTIVATIONS),
        "per_channel": bool(rng.random() < 0.8),
        "coarse": float(rng.choice([1.0] * 9 + [0.003])),
    }


def _conv(net, rng, x, made) -> int:
    return net.conv_2d(x, channels=int(rng.integers(1, 8)), **_window(net, rng, x))


def _depthwise(net, rng, x, made) -> int:
    return net.depthwise_conv_2d(x, multiplier=int(rng.integers(1, 3)), **_window(net, rng, x))


def _pooled(net, rng, x, made) -> int:
    window = _window(net, rng, x)
    name = str(rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
    kept = {key: window[key] for key in ("stride", "padding", "activation")}
    return net.pool(name, x, window=window["kernel"], **kept)


def _padded(net, rng, x, made) -> int:
    pairs = rng.integers(0, 3, (4, 2))
    pairs[0] = 0  # convolutions take one image
    return net.pad(x, [tuple(map(int, pair)) for pair in pairs])


def _mean(net, rng, x, made) -> int:
    return net.mean(x, [1, 2], keep_dims=bool(rng.random() < 0.5))


def _dense(net, rng, x, made) -> int:
    units = int(rng.integers(1, 20))
    return net.fully_connected(x, units=units, activation=rng.choice(ACTIVATIONS))


def _elementwise(net, rng, x, made) -> int:
    alike = [each for each in made if _repeats(net.shapes[each], net.shapes[x])]
    if rng.random() < 0.4:
        values = rng.integers(-128, 128, net.shapes[x][-1:]).astype(np.int8)
        alike = [net.constant(values, scale=0.1, zero=int(rng.integers(-128, 128)))]
    pair = [x, int(rng.choice(alike))]
    rng.shuffle(pair)
    build = net.add if rng.random() < 0.6 else net.mul
    return build(*pair, activation=rng.choice(ACTIVATIONS))


def _repeats(shape, whole) -> bool:
    return len(shape) == len(whole) and all(
        size in (1, full) for size, full in zip(shape, whole, strict=True)
    )


def _joined(net, rng, x, made) -> int:
    alike = [each for each in made if net.shapes[each] == net.shapes[x]]
    other = net.quantize(int(rng.choice(alike)), scale=net.scale(x), zero=net.zero(x))
    return net.concatenation(x, other, axis=int(rng.integers(1, len(net.shapes[x]))))


def _unary(net, rng, x, made) -> int:
    name = rng.choice(["RELU", "RELU6", "LOGISTIC", "TANH", "HARD_SWISH", "QUANTIZE", "SOFTMAX"])
    if name == "QUANTIZE":
        return net.quantize(x)
    if name == "SOFTMAX":
        return net.softmax(x) if net.shapes[x][-1] < 512 else x
    fine = net.quantize(x) if net.scale(x) > 2 else x  # curves of coarser inputs are refused
    return net.unary(str(name), fine)


def _sliced(net, rng, x, made) -> int:
    begins = [int(rng.integers(0, size)) for size in net.shapes[x]]
    strides = [int(rng.integers(1, 4)) for _ in begins]
    return net.strided_slice(x, [0, *begins[1:]], [None] * len(begins), strides)


def _reshaped(net, rng, x, made) -> int:
    elements, last = math.prod(net.shapes[x]), net.shapes[x][-1]
    shapes = [(1, elements), (1, elements // last, 1, last), (1, 1, elements // last, last)]
    return net.reshape(x, shapes[rng.integers(3)])
