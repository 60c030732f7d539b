import os
import select
import signal
import subprocess
import sys

import pytest
from places import ROOT

from pld_tf.system.stderr import start_up_noise_held_back


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
        "from pld_tf.system.stderr import load_tensorflow; load_tensorflow(); "
        "import sys; print('tensorflow' in sys.modules)"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=kept)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_many_networks_do_not_bring_a_warning_of_retracing():
    code = (
        "from pld_tf.system.stderr import load_tensorflow; load_tensorflow()\n"
        "import tensorflow as tf\n"
        "for number in range(6):\n"
        "    tf.function(lambda: tf.constant(number))()\n"
        "tf.get_logger().warning('a real warning')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "WARNING:tensorflow:a real warning\n"


def test_the_last_words_of_a_process_that_aborts_are_passed_on():
    code = (
        "import os\n"
        "from pld_tf.system.stderr import start_up_noise_held_back\n"
        "with start_up_noise_held_back():\n"
        "    os.write(2, b'fatal: the reason\\nNumber of eligible GPUs: 0\\nand no line end')\n"
        "    os.abort()\n"
    )
    root = ROOT
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        -signal.SIGABRT,
        "fatal: the reason\nand no line end",
    )


def test_a_line_is_passed_on_while_the_work_goes_on():
    reading, writing = os.pipe()
    real = os.dup(2)
    os.dup2(writing, 2)
    os.close(writing)
    try:
        with start_up_noise_held_back():
            os.write(2, b"a warning in time\n")
            ready, _, _ = select.select([reading], [], [], 20)
            assert ready
            assert os.read(reading, 100) == b"a warning in time\n"
    finally:
        os.dup2(real, 2)
        os.close(real)
        os.close(reading)
