"""What the program does not take from the user's surroundings.

Set once, before any library reads it. Child processes inherit it.
"""

import os
import sys
import warnings
from typing import Any, cast

from pld_tf.system.output import named_outputs

_SET = {
    # A file named keras.json can choose other numbers, axes and a backend. No folder holds none.
    "KERAS_HOME": os.devnull,
    "KERAS_BACKEND": "tensorflow",
    "TF_USE_LEGACY_KERAS": "1",  # tfmot and the models here need Keras 2
    "MPLBACKEND": "agg",  # a notebook's is not installed beside a program
}
_UNSET = (
    "KERAS_MAX_EPOCHS",
    "KERAS_MAX_STEPS_PER_EPOCH",
    "KERAS_NNX_ENABLED",
    "PYTHONWARNINGS",  # "error" ends the libraries at their first deprecation
    "TF_FUNCTION_JIT_COMPILE_DEFAULT",  # other results, and ten times slower on a CPU
)


def settle() -> None:
    """Give the libraries the surroundings that they need, and the process its three streams."""
    os.environ.update(_SET)
    for name in _UNSET:
        os.environ.pop(name, None)
    if sys.warnoptions:  # from PYTHONWARNINGS
        for strict in [each for each in warnings.filters if each[0] == "error"]:
            cast(list[Any], warnings.filters).remove(strict)
    named_outputs()
    _open_closed_streams()


def _open_closed_streams() -> None:
    """Lead streams that the caller has closed to nowhere; else the next files take their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest free number: often this one
            os.dup2(nowhere, number)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8"))
