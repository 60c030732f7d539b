"""Runs models on TFLite Micro: `python c_model_tflm.py FOLDER`.

A program of its own, because TFLite Micro may take the process with it. FOLDER holds `0.tflite`,
`0.npy` (inputs) and so on; it gets `outputs.npz`, one array for each of them.
"""

import sys
from pathlib import Path

import numpy as np

ARENA_BYTES = 1 << 22


def run(model: bytes, inputs: np.ndarray) -> np.ndarray:
    from tflite_micro.python.tflite_micro import runtime  # an extra: pytest imports this file too

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
    outputs = []
    for values in inputs:
        interpreter.set_input(values, 0)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0).ravel().copy())
    return np.stack(outputs)


def main(folder: Path) -> None:
    outputs = []
    for number in range(len(list(folder.glob("*.tflite")))):
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        model = (folder / f"{number}.tflite").read_bytes()
        outputs.append(run(model, np.load(folder / f"{number}.npy")))
    np.savez(folder / "outputs.npz", **{str(n): each for n, each in enumerate(outputs)})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
