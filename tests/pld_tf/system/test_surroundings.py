"""What the user's variables and files say to the libraries has no effect here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

HOSTILE = {
    "KERAS_BACKEND": "jax",
    "KERAS_MAX_EPOCHS": "many",
    "TF_USE_LEGACY_KERAS": "0",
    "TF_FUNCTION_JIT_COMPILE_DEFAULT": "true",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYTHONWARNINGS": "error",
}


def said(code: str, home: Path) -> str:
    """What a program prints that begins as `pld-tf` does, in surroundings that fit nothing."""
    (home / ".keras").mkdir()
    settings = {"backend": "torch", "floatx": "float16", "image_data_format": "channels_first"}
    (home / ".keras" / "keras.json").write_text(json.dumps({**settings, "epsilon": 0.1}))
    done = subprocess.run(
        [sys.executable, "-c", f"from pld_tf.system.surroundings import settle; settle()\n{code}"],
        env=os.environ | HOSTILE | {"HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_warning_is_no_error_and_child_processes_see_the_same(tmp_path):
    code = (
        "import os, subprocess, sys, warnings\n"
        "warnings.warn('old', DeprecationWarning, stacklevel=9)\n"
        'look = \'import os; print(os.environ["KERAS_BACKEND"], "PYTHONWARNINGS" in os.environ)\'\n'
        "subprocess.run([sys.executable, '-c', look])"
    )
    assert said(code, tmp_path) == "tensorflow False\n"


@pytest.mark.slow
def test_keras_and_matplotlib_are_as_shipped(tmp_path):
    code = (
        "from pld_tf.system.stderr import load_tensorflow; load_tensorflow()\n"
        "import matplotlib, tensorflow as tf, tf_keras\n"
        "from matplotlib.figure import Figure\n"
        "keras = tf_keras.backend\n"
        "print(keras.floatx(), keras.image_data_format(), keras.epsilon())\n"
        "print(tf.keras.Model is tf_keras.Model, matplotlib.get_backend().lower())"
    )
    assert said(code, tmp_path) == "float32 channels_last 1e-07\nTrue agg\n"
