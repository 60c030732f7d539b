"""Whether TensorFlow computes with oneDNN's kernels. It asks once, while it loads."""

import os
import sys

_NAME = "TF_ENABLE_ONEDNN_OPTS"


def set_onednn(on: bool) -> None:
    """Choose for this process. Has no effect once TensorFlow is loaded."""
    if "tensorflow" not in sys.modules:
        os.environ[_NAME] = str(int(on))


def onednn_wanted() -> bool | None:
    """The user's own choice in the environment; None without one."""
    return os.environ[_NAME] != "0" if _NAME in os.environ else None


def is_onednn_on() -> bool:
    """Whether this process computes with them; TensorFlow does so unless told otherwise."""
    return onednn_wanted() is not False
