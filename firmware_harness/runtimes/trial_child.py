"""Run models once; `trial` starts it.

Run as `python -m firmware_harness.runtimes.trial_child FOLDER NAME...`.

FOLDER holds 0.tflite, 1.tflite and so on; errors use the names. If a model is refused, the program
ends with one line on standard error.
"""

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from firmware_harness.bundle.read import ModelFile
from firmware_harness.errors import HarnessError
from firmware_harness.runtimes.interpreter import Model, Resolver
from firmware_harness.runtimes.random_inputs import random_inputs
from firmware_harness.runtimes.trial import REFUSED

MAX_MEMORY_BYTES = 2**30
MAX_CPU_SECONDS = 60
RESOLVERS: tuple[Resolver, ...] = ("default", "reference")


def limit_resources() -> None:
    """Limit this process; the system ends it if it takes more."""
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_once(file: ModelFile) -> None:
    """Load and run a model on every resolver.

    Raises:
      HarnessError: the interpreter refuses it.
    """
    for resolver in RESOLVERS:
        model = Model(file, resolver=resolver)
        model.run(random_inputs(model))
        model.operators()
        model.tensors()


def _files(folder: Path, names: list[str]) -> Iterator[ModelFile]:
    for number, name in enumerate(names):
        yield ModelFile(name=name, content=(folder / f"{number}.tflite").read_bytes())


if __name__ == "__main__":
    limit_resources()
    try:
        for each in _files(Path(sys.argv[1]), sys.argv[2:]):
            sys.stdout.write(".\n")
            sys.stdout.flush()
            run_once(each)
    except HarnessError as error:
        sys.stderr.write(f"\n{error}\n")
        sys.exit(REFUSED)
    except MemoryError:
        sys.stderr.write(f"\nout of {MAX_MEMORY_BYTES:,} bytes of memory\n")
        os._exit(1)
