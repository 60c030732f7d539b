import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import GOLDEN

from firmware_harness.bundle.read import ModelFile, read_tflite
from firmware_harness.errors import HarnessError
from firmware_harness.measure.latency import measure_latency, summarize
from firmware_harness.runtimes.interpreter import Model, TensorInfo
from firmware_harness.runtimes.random_inputs import random_inputs


class Watched(Model):
    """Writes down its inferences, and lets a clock of the test move on in each."""

    def __init__(self, name, *, log, takes_ms):
        super().__init__(read_tflite(GOLDEN / name))
        self.log, self.takes_ms = log, takes_ms

    def set_inputs(self, values):
        self.log.append(("inputs", self.takes_ms))
        super().set_inputs(values)

    def invoke(self):
        self.log.append(("invoke", self.takes_ms))
        super().invoke()


def measure(log, **options):
    models = {
        "int8": Watched("int8.tflite", log=log, takes_ms=2),
        "float": Watched("float.tflite", log=log, takes_ms=5),
    }

    def clock():
        return sum(takes for what, takes in log if what == "invoke") * 1_000_000

    return measure_latency(models, clock=clock, **options)


def test_each_model_gets_the_time_of_its_own_inferences():
    times = measure([], runs=3, warmup=2)
    assert {name: series.tolist() for name, series in times.items()} == {
        "int8": [2, 2, 2],
        "float": [5, 5, 5],
    }


def test_models_take_turns_and_get_their_inputs_before_each_inference():
    log = []
    measure(log, runs=2, warmup=1)
    turn = [("inputs", 2), ("invoke", 2), ("inputs", 5), ("invoke", 5)]
    assert log == turn * (1 + 1 + 2)  # once to see that it runs, warm-up, timed


def test_the_first_inferences_are_not_timed():
    ticks = iter(1_000_000 * np.array([0, 50, 50, 60, 60, 61, 61, 63]))
    models = {"float": Model(read_tflite(GOLDEN / "float.tflite"))}
    times = measure_latency(models, runs=2, warmup=2, clock=lambda: next(ticks))
    assert times["float"].tolist() == [1, 2]


def test_the_warm_up_may_be_longer_than_the_measurement():
    assert measure([], runs=1, warmup=4)["int8"].tolist() == [2]


def test_progress_counts_up_to_all_turns():
    seen = []
    measure([], runs=2, warmup=1, progress=lambda *step: seen.append(step))
    assert seen == [("latency", 1, 3), ("latency", 2, 3), ("latency", 3, 3)]


def test_real_inferences_take_time():
    models = {"int8": Model(read_tflite(GOLDEN / "int8.tflite"))}
    assert (measure_latency(models, runs=5, warmup=0)["int8"] > 0).all()


@pytest.mark.parametrize(("runs", "warmup"), [(0, 1), (-5, 1), (1, -1), (1_000_001, 0)])
def test_a_number_of_runs_out_of_range_is_refused(runs, warmup):
    with pytest.raises(HarnessError, match=f"got runs {runs} and warmup {warmup}"):
        measure_latency({}, runs=runs, warmup=warmup)


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=50))
def test_percentiles_rise_and_lie_between_the_measurements(times):
    found = summarize(np.array(times))
    assert found["runs"] == len(times)
    assert found["median"] <= found["p90"] <= found["p99"]
    assert min(times) - 1e-6 <= found["median"] and found["p99"] <= max(times) + 1e-6


def test_percentiles_of_one_to_a_hundred_and_one_are_themselves():
    found = summarize(np.random.default_rng(0).permutation(np.arange(1.0, 102.0)))
    assert found == {"median": 51.0, "p90": 91.0, "p99": 100.0, "runs": 101}


def test_random_inputs_are_the_same_on_every_call_and_use_the_whole_range():
    model = Model(read_tflite(GOLDEN / "int8.tflite"))
    model.inputs = (
        TensorInfo(index=0, shape=(40, 100), dtype="int8", scale=1.0, zero_point=0, quantized=True),
    )
    (first,), (second,) = random_inputs(model), random_inputs(model)
    np.testing.assert_array_equal(first, second)
    assert (first.min(), first.max()) == (-128, 127)


def test_wide_integers_are_zero_because_they_may_be_indices():
    model = Model(ModelFile(name="int8", content=(GOLDEN / "int8.tflite").read_bytes()))
    model.inputs = (
        TensorInfo(index=0, shape=(7,), dtype="int32", scale=0.0, zero_point=0, quantized=False),
    )
    (values,) = random_inputs(model)
    assert values.tolist() == [0] * 7
