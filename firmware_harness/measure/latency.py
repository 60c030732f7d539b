"""How long one inference takes on this machine. Models take turns."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.errors import HarnessError
from firmware_harness.runtimes.interpreter import Model
from firmware_harness.runtimes.random_inputs import random_inputs
from firmware_harness.system.progress import Progress

MAX_RUNS = 1_000_000


def measure_latency(
    models: Mapping[str, Model],
    *,
    runs: int,
    warmup: int,
    progress: Progress | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> dict[str, NDArray[Any]]:
    """Time the models in turn (A B A B), so that a busy spell of the machine affects all equally.

    Only `invoke` is timed. Inputs are random from a fixed seed and set again before each
    inference, because the interpreter may use their memory for other tensors.

    Args:
      models: models to time, by name.
      runs: timed inferences of each model, 1 to 1,000,000.
      warmup: untimed inferences of each model before those.
      progress: called with ("latency", done, total) after each turn.
      clock: gives nanoseconds.

    Returns:
      By name, float64 milliseconds in order of measurement, shape [runs].

    Raises:
      HarnessError: `runs` or `warmup` is out of range, or a model's kernels stop.
    """
    if not 1 <= runs <= MAX_RUNS or not 0 <= warmup <= MAX_RUNS:
        raise HarnessError(
            f"runs must be 1 to {MAX_RUNS:,} and warmup 0 to {MAX_RUNS:,}, "
            f"got runs {runs} and warmup {warmup}."
        )
    inputs = {name: random_inputs(model) for name, model in models.items()}
    for name, model in models.items():
        model.run(inputs[name])  # unlike invoke, it explains why a kernel stops
    times = {name: np.zeros(runs) for name in models}
    for turn in range(-warmup, runs):
        for name, model in models.items():
            model.set_inputs(inputs[name])
            start = clock()
            model.invoke()
            elapsed = clock() - start
            if turn >= 0:
                times[name][turn] = elapsed / 1e6
        if progress is not None:
            progress("latency", turn + warmup + 1, runs + warmup)
    return times


def summarize(times_ms: NDArray[Any]) -> dict[str, float | int]:
    """Median, 90th and 99th percentile, interpolated linearly between measurements.

    >>> summarize(np.array([4.0, 1.0, 3.0, 2.0, 5.0]))
    {'median': 3.0, 'p90': 4.6, 'p99': 4.96, 'runs': 5}
    """
    median, p90, p99 = (round(float(p), 6) for p in np.percentile(times_ms, [50, 90, 99]))
    return {"median": median, "p90": p90, "p99": p99, "runs": len(times_ms)}
