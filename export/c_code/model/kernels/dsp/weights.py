"""How many bits the weights of a layer have in flash."""

from export.c_code.optimize import Optimize

# A layer's weights are widened in a balanced model if a byte of flash saves so many instructions.
_LEAST_SAVED = 12
_LEAST_SAVED_FOR_SPEED = 0.5  # by a single pass over the weights
_SAVED = 4  # instructions for four taps of a pair of rows and three patches
_BYTES = 8  # that these weights are larger
_PATCHES = 3


def weight_bits(optimize: Optimize, *, outputs: int) -> int:
    """Bits of each weight of a layer with `outputs` pixels: 16 save the instructions that widen 8.

    >>> [weight_bits(each, outputs=100) for each in Optimize]
    [8, 16, 16]
    >>> weight_bits(Optimize.BALANCED, outputs=20), weight_bits(Optimize.SPEED, outputs=1)
    (8, 16)
    """
    passes = -(-outputs // _PATCHES)
    saved = _SAVED * passes / _BYTES
    least = {
        Optimize.SIZE: float("inf"),
        Optimize.BALANCED: _LEAST_SAVED,
        Optimize.SPEED: _LEAST_SAVED_FOR_SPEED,
    }
    return 16 if saved >= least[optimize] else 8
