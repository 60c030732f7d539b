"""Names of network families, their sizes, and least inputs. No TensorFlow: recipes import this."""

from difflib import get_close_matches

from pld_tf.errors import PldError

SIZES: dict[str, tuple[str, ...]] = {
    "ds_cnn": ("S", "M", "L"),
    "ds_cnn_se": ("S", "M", "L"),
    "tc_resnet": ("8", "14"),
    "res": ("8", "15", "26", "8-narrow", "15-narrow", "26-narrow"),
    "edgespeechnet": ("A", "B", "C", "D"),
    "bc_resnet": ("1", "1.5", "2", "3", "6", "8"),
    "bc_resnet_bn": ("1", "1.5", "2", "3", "6", "8"),
    "highway": ("128", "256", "512"),
    "lstm": ("S", "M", "L"),
}
# Families whose training steps take less time without oneDNN's kernels (docs/results/speed.md).
FASTER_WITHOUT_ONEDNN = frozenset({"tc_resnet"})
# res8 pools 4 frames into one, so fewer leave nothing. No other family needs more.
MIN_FRAMES = 4
# Fewest frames of networks whose convolutions take no padding over time. No other family can:
# BC-ResNet would take 117 frames, more than a second.
VALID_MIN_FRAMES: dict[str, dict[str, int]] = {
    "ds_cnn": {"S": 26, "M": 38, "L": 46},
    "tc_resnet": {"8": 23, "14": 47},
}
MIN_BINS = 10  # the fewest in any of the papers


def check(*, family: str, size: str, time_padding: str = "same") -> None:
    """Accept a family and size that can be built.

    Raises:
      PldError: no such family, or it has no such size; the text names the closest valid one. Or the
        family can't do without padding over time.

    >>> check(family="ds_cnn", size="S")
    >>> check(family="ds_cnn", size="XL")
    Traceback (most recent call last):
    pld_tf.errors.PldError: ds_cnn has no size 'XL'; closest is 'L'. It comes in S, M, L.
    """
    if family not in SIZES:
        raise PldError(
            f"no model family named {family!r}; closest is {_closest(family, tuple(SIZES))!r}. "
            f"There are {', '.join(SIZES)}."
        )
    if size not in SIZES[family]:
        raise PldError(
            f"{family} has no size {size!r}; closest is {_closest(size, SIZES[family])!r}. "
            f"It comes in {', '.join(SIZES[family])}."
        )
    if time_padding == "valid" and family not in VALID_MIN_FRAMES:
        raise PldError(
            f"{family} has no time_padding = 'valid'; {' and '.join(VALID_MIN_FRAMES)} have it."
        )


def least_frames(*, family: str, size: str, time_padding: str) -> int:
    """The fewest frames that a network takes.

    >>> least_frames(family="tc_resnet", size="8", time_padding="valid")
    23
    """
    return VALID_MIN_FRAMES[family][size] if time_padding == "valid" else MIN_FRAMES


def _closest(name: str, legal: tuple[str, ...]) -> str:
    plain = {known.lower(): known for known in legal}
    # No cutoff: the nearest of a few names helps more than none.
    return plain[get_close_matches(str(name).lower(), list(plain), n=1, cutoff=0.0)[0]]
