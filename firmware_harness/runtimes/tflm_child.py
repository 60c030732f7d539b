"""Run a model on TensorFlow Lite Micro.

Run as `python -m firmware_harness.runtimes.tflm_child FOLDER OUTPUTS [stream]`.

Runs as its own process, because TFLM does not check a model and a bad one kills it. `tflm` starts
it. FOLDER holds model.tflite and inputs.npz (arrays `0`, `1`, ... of shape [inputs, *shape]). The
program writes outputs.npz of the same form there. The smallest arena that works goes to standard
output, the allocator's parts of the arena go to standard error. With `stream` the model's state
goes on from input to input.
"""

# pyright: basic
# tflite_micro has no types.

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAX_ARENA_BYTES = 1 << 26  # more than any microcontroller has
_STEP_BYTES = 16  # TFLM's alignment of the arena


def main(folder: Path, *, outputs: int, stream: bool) -> None:
    """Run every input, then search for the smallest arena."""
    content = (folder / "model.tflite").read_bytes()
    with np.load(folder / "inputs.npz", allow_pickle=False) as stored:
        inputs = [stored[str(index)] for index in range(len(stored.files))]
    interpreter = _load(content, MAX_ARENA_BYTES)
    results = _run(interpreter, inputs, outputs=outputs, stream=stream)
    np.savez(folder / "outputs.npz", **{str(index): each for index, each in enumerate(results)})
    interpreter.print_allocations()
    sys.stdout.write(f"{smallest(lambda size: _fits(content, size), MAX_ARENA_BYTES)}\n")


def smallest(fits: Callable[[int], bool], most: int) -> int:
    """The smallest multiple of 16 bytes that fits; `most` fits, and more never fits worse.

    >>> smallest(lambda size: size >= 1000, 1 << 20)
    1008
    """
    too_few, enough = 0, most // _STEP_BYTES
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if fits(middle * _STEP_BYTES):
            enough = middle
        else:
            too_few = middle
    return enough * _STEP_BYTES


def _load(content: bytes, arena_bytes: int):
    from tflite_micro.python.tflite_micro import runtime  # here: an extra that may be missing

    return runtime.Interpreter.from_bytes(content, arena_size=arena_bytes)


def _run(interpreter, inputs: list[NDArray], *, outputs: int, stream: bool) -> list[NDArray]:
    results: list[list[NDArray]] = [[] for _ in range(outputs)]
    for values in zip(*inputs, strict=True):
        if not stream:
            interpreter.reset()  # recurrent state must not reach the next input
        for index, value in enumerate(values):
            interpreter.set_input(value, index)
        interpreter.invoke()
        for index, result in enumerate(results):
            result.append(interpreter.get_output(index).copy())
    return [np.stack(result) for result in results]


def _fits(content: bytes, arena_bytes: int) -> bool:
    """True if TFLM can plan in so many bytes; tried in a fork, because too few may kill it."""
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            _load(content, arena_bytes)
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), outputs=int(sys.argv[2]), stream=sys.argv[3:] == ["stream"])
    except (RuntimeError, ValueError) as error:  # TFLM has printed why to standard error
        sys.exit(" ".join(str(error).split()))
