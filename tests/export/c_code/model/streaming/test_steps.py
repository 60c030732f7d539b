"""Steps on random models and streams: byte for byte what whole windows give."""

from functools import cache

import numpy as np
import pytest
from c_model_run import needs_compiler, run_c, run_tflm
from c_models import Case
from c_random_streams import random_stream
from c_steps import Stream, run_steps

from export.c_code.model import generate
from export.c_code.optimize import Optimize

FEW, MANY = range(12), range(12, 60)
TWINS = ("-DKWS_MODEL_TWINS",)


@cache
def streams(seeds: range) -> dict[str, Stream]:
    """Those that have less to compute in a step than in a window."""
    drawn = {f"stream {seed}": random_stream(seed) for seed in seeds}
    return {name: each for name, each in drawn.items() if has_step(each)}


def has_step(stream: Stream) -> bool:
    return generate(stream.model, hop=stream.hop).step is not None


def test_most_random_streams_have_steps():
    assert len(streams(FEW)) > len(FEW) / 2


@needs_compiler
def test_most_windows_have_other_outputs_than_the_one_before(portable):
    """Else equal outputs would say little."""
    moved = [
        (each[1:] != each[:-1]).any(axis=1).mean() for each in portable.values() if each[1:].size
    ]
    assert np.mean(moved) > 0.5


def windows_of(given: dict[str, Stream]) -> dict[str, Case]:
    """The same streams as whole windows."""
    cases: dict[str, Case] = {}
    for name, stream in given.items():
        windows = stream.windows()
        shape = (len(windows), 1, stream.window, stream.frames.shape[1], 1)
        cases[name] = Case(model=stream.model, inputs=windows.reshape(shape))
    return cases


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    for name, outputs in expected.items():
        np.testing.assert_array_equal(found[name], outputs, err_msg=name)


@pytest.fixture(scope="module")
def portable(tmp_path_factory):
    return run_steps(streams(FEW), tmp_path_factory.mktemp("portable"))


@needs_compiler
def test_steps_give_what_the_function_for_whole_windows_gives(portable, tmp_path):
    assert_same(portable, run_c(windows_of(streams(FEW)), tmp_path))


@needs_compiler
def test_steps_give_what_tflite_micro_gives_for_whole_windows(portable, tmp_path):
    assert_same(portable, run_tflm(windows_of(streams(FEW)), tmp_path))


@needs_compiler
def test_the_kernels_for_the_dsp_extension_give_the_same_steps(portable, tmp_path):
    given = streams(FEW)
    assert_same(run_steps(given, tmp_path, defines=TWINS, optimize=Optimize.SPEED), portable)


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("start", range(MANY.start, MANY.stop, 48))
def test_many_more_models_give_the_same_in_steps(start, tmp_path):
    given = streams(range(start, start + 48))
    (tmp_path / "steps").mkdir()
    assert_same(run_steps(given, tmp_path / "steps"), run_tflm(windows_of(given), tmp_path))
