"""Try models in a process of its own, with limits, before this process loads them."""

from collections.abc import Sequence

from firmware_harness.bundle.read import ModelFile
from firmware_harness.errors import HarnessError
from firmware_harness.system.child import ending, run_module, way_out
from firmware_harness.system.temporary import temporary_folder

REFUSED = 2  # exit code of a child that has printed the reason


def try_models(files: Sequence[ModelFile]) -> None:
    """Load each model and run it once, on both resolvers.

    The interpreter checks the structure of a file, but not whether operators fit their tensors. A
    damaged model can end its process, take all memory, or never finish.

    Raises:
      HarnessError: a model is refused, or ends the process; the text names it and says how.
    """
    with temporary_folder() as folder:
        for number, file in enumerate(files):
            (folder / f"{number}.tflite").write_bytes(file.content)
        names = [file.name for file in files]
        ended = run_module(
            "firmware_harness.runtimes.trial_child", str(folder), *names, folder=folder
        )
    if ended.returncode == 0:
        return
    if ended.returncode == REFUSED:
        raise HarnessError(ended.stderr.strip().splitlines()[-1])
    begun = ended.stdout.splitlines()  # one line for each model that was begun
    which = files[max(0, len(begun) - 1)].name
    raise HarnessError(
        f"the TFLite interpreter does not survive {which}: its process {ending(ended)}. "
        + way_out(ended, "The file is damaged, or the model too large. Convert or export it again.")
    )
