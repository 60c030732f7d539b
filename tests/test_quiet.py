import os
import subprocess
import sys

import pytest

from pld_tf.quiet import start_up_noise_held_back


def test_noise_is_dropped_and_the_rest_passed_on_in_order(capfd):
    with start_up_noise_held_back():
        os.write(2, b"a real warning\n")
        os.write(2, b"E cuda_fft.cc:485] Unable to register cuFFT factory: again\n")
        os.write(2, b"an error without a line end")
    assert capfd.readouterr().err == "a real warning\nan error without a line end"


def test_what_was_written_before_an_exception_is_not_lost(capfd):
    with pytest.raises(ValueError, match="boom"), start_up_noise_held_back():
        os.write(2, b"the reason\n")
        raise ValueError("boom")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "the reason\nafter\n"


def test_stdout_is_left_alone(capfd):
    with start_up_noise_held_back():
        os.write(1, b"result\n")
    assert capfd.readouterr().out == "result\n"


def test_tensorflow_starts_without_a_word():
    code = (
        "from pld_tf.quiet import load_tensorflow; load_tensorflow(); "
        "import sys; print('tensorflow' in sys.modules)"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=kept)
    assert (done.stdout, done.stderr) == ("True\n", "")
