"""Counts how far two kernels' integer outputs differ, and gives the known reason."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDED_TWICE = "FULLY_CONNECTED"


@dataclass(frozen=True, kw_only=True)
class Differences:
    """Differences between two sets of outputs for the same inputs.

    Args:
      compared_bytes: bytes in all outputs of all inputs.
      mismatched_bytes: bytes that differ.
      mismatched_inputs: inputs with a byte that differs.
      by_steps: number of values that differ, by difference in output steps; fewest steps first.
    """

    compared_bytes: int
    mismatched_bytes: int
    mismatched_inputs: int
    by_steps: dict[int, int]


def count_differences(
    *, expected: Sequence[NDArray[Any]], found: Sequence[NDArray[Any]]
) -> Differences:
    """Compare every byte.

    Args:
      expected: for each output of the model, an integer array of shape [inputs, *shape].
      found: the same from the other kernels.

    >>> one, other = np.array([[3, 4], [5, 6]], np.int8), np.array([[3, 4], [4, 9]], np.int8)
    >>> count_differences(expected=[one], found=[other])
    Differences(compared_bytes=4, mismatched_bytes=2, mismatched_inputs=1, by_steps={1: 1, 3: 1})
    """
    pairs = list(zip(map(_rows, expected), map(_rows, found), strict=True))
    differing = [one.view(np.uint8) != other.view(np.uint8) for one, other in pairs]
    steps = np.concatenate(
        [np.abs(one.astype(np.int32) - other.astype(np.int32)).ravel() for one, other in pairs]
    )
    sizes, counts = np.unique(steps[steps > 0], return_counts=True)
    return Differences(
        compared_bytes=sum(each.size for each in differing),
        mismatched_bytes=sum(int(np.count_nonzero(each)) for each in differing),
        mismatched_inputs=int(np.count_nonzero(np.hstack(differing).any(axis=1))),
        by_steps={int(size): int(count) for size, count in zip(sizes, counts, strict=True)},
    )


def explain(differences: Differences, operators: Collection[str]) -> str | None:
    """The known reason, in one or two sentences; None if nothing differs."""
    if not differences.by_steps:
        return None
    one = differences.by_steps.get(1, 0)
    more = sum(differences.by_steps.values()) - one
    counted = f"{one:,} values differ by 1 step, {more:,} by more"
    if _ROUNDED_TWICE not in operators:
        return f"{counted}; no operator of this model is known to differ."
    return (
        f"{counted}. {_ROUNDED_TWICE}: TFLite's reference kernel rounds its product once, TFLite "
        "Micro twice, as devices do; so a value may differ by 1 step there, and what is computed "
        "from it may differ further."
    )


def _rows(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(values).reshape(len(values), -1)
