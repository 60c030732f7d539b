import os
import random
import subprocess
import sys

import numpy as np
import pytest
from c_models import Net
from places import GOLDEN, ROOT

from firmware_harness.bundle.read import ModelFile, read_tflite
from firmware_harness.errors import HarnessError
from firmware_harness.runtimes import interpreter
from firmware_harness.runtimes.interpreter import Model
from firmware_harness.runtimes.random_inputs import random_inputs
from firmware_harness.runtimes.tflm import run_tflm


def load(name, **options):
    return Model(read_tflite(GOLDEN / name), **options)


def damaged(content):
    """Truncations, and copies with bytes changed where the graph is described."""
    generator = random.Random(3)
    yield from (content[:size] for size in range(16, len(content), len(content) // 20))
    for _ in range(40):
        changed = bytearray(content)
        for _ in range(generator.choice([1, 4, 64])):
            changed[generator.randrange(8, len(content))] = generator.randrange(256)
        yield bytes(changed)


def test_inputs_and_outputs_are_those_of_the_file():
    model = load("int8.tflite")
    (given,), (result,) = model.inputs, model.outputs
    assert (given.shape, given.dtype) == ((1, 6, 4, 1), "int8")
    assert (result.shape, result.dtype) == ((1, 3), "int8")
    assert given.scale > 0 and result.scale > 0


def test_the_default_resolver_names_its_delegate_and_the_reference_has_none():
    assert load("float.tflite").delegate() == "XNNPACK"
    assert load("float.tflite", resolver="reference").delegate() == "none"


def test_both_resolvers_give_the_same_logits():
    fast, plain = load("float.tflite"), load("float.tflite", resolver="reference")
    inputs = random_inputs(fast)
    np.testing.assert_allclose(fast.run(inputs), plain.run(inputs), atol=1e-5)


def test_more_threads_give_the_same_logits():
    one, two = load("float.tflite"), load("float.tflite", threads=2)
    np.testing.assert_allclose(one.run(random_inputs(one)), two.run(random_inputs(one)), atol=1e-6)


def test_the_interpreter_gets_the_number_of_threads(monkeypatch):
    asked = {}
    loader = interpreter.Interpreter

    def watched(**options):
        asked.update(options)
        return loader(**options)

    monkeypatch.setattr(interpreter, "Interpreter", watched)
    load("float.tflite", threads=3)
    assert asked["num_threads"] == 3


def test_a_recurrent_model_forgets_between_crops():
    model = load("lstm.tflite")
    inputs = random_inputs(model)
    first = model.run(inputs)
    model.run([10 * inputs[0]])
    np.testing.assert_array_equal(model.run(inputs), first)


@pytest.mark.parametrize("threads", [0, -1, 129])
def test_threads_out_of_range_are_refused(threads):
    with pytest.raises(HarnessError, match=f"threads must be 1 to 128, got {threads}"):
        load("float.tflite", threads=threads)


@pytest.mark.parametrize("resolver", ["default", "reference"])
def test_a_damaged_file_runs_or_is_refused_in_one_line(resolver):
    refused = 0
    for content in damaged((GOLDEN / "int8.tflite").read_bytes()):
        try:
            model = Model(ModelFile(name="damaged.tflite", content=content), resolver=resolver)
            model.operators()
            model.tensors()
            model.run(random_inputs(model))
        except HarnessError as error:
            refused += 1
            assert str(error).startswith("the TFLite interpreter refuses damaged.tflite: ")
            assert "\n" not in str(error)
    assert refused >= 20  # the truncations


def test_a_refusal_is_one_sentence_about_what_is_wrong():
    """LiteRT joins its sentences without a blank; the model here has no custom operator."""
    net = Net((1, 5, 4, 3))
    output = net.conv_2d(0)
    net._tensors[1].quantization.quantizedDimension = 9
    with pytest.raises(HarnessError) as caught:
        Model(ModelFile(name="odd.tflite", content=net.model(output)), resolver="reference")
    assert str(caught.value) == (
        "the TFLite interpreter refuses odd.tflite: quantized_dimension must be in range [0, 4). "
        "Convert the model again, or copy it again from where it came."
    )


def test_a_model_that_keeps_a_state_runs_as_one_stream(shared):
    """On TFLite Micro too; if only one of them forgot, nearly all outputs would differ."""
    pytest.importorskip("tflite_micro")
    file = read_tflite(shared / "models" / "foreign" / "mww2_vad.tflite")
    model = Model(file, resolver="reference")
    assert model.is_stream
    assert not Model(read_tflite(GOLDEN / "lstm.tflite")).is_stream
    inputs = np.random.default_rng(0).integers(-128, 128, (30, *model.inputs[0].shape))
    run = run_tflm(model, [inputs.astype(np.int8)])
    expected = np.stack([model.run([each]) for each in inputs.astype(np.int8)])
    np.testing.assert_array_equal(run.outputs[0], expected)


def test_start_up_says_nothing_and_other_messages_stay():
    """In a process of its own, because C++ writes to the real standard error."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from firmware_harness.runtimes import interpreter\n"
        "from firmware_harness.bundle.read import read_tflite\n"
        "loader = interpreter.Interpreter\n"
        "def loud(**options):\n"
        "    os.write(2, b'ERROR: real\\n')\n"
        "    return loader(**options)\n"
        "interpreter.Interpreter = loud\n"
        "for resolver in ('reference', 'default', 'default'):\n"
        "    interpreter.Model(read_tflite(Path(sys.argv[1])), resolver=resolver)\n"
        "os.write(2, b'after\\n')\n"
    )
    command = [sys.executable, "-c", code, str(GOLDEN / "float.tflite")]
    root = ROOT
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == "ERROR: real\n" * 3 + "after\n"


def test_the_harness_runs_without_tensorflow():
    code = (
        "import sys\n"
        "import firmware_harness.bench.bench, firmware_harness.report.page\n"
        "found = {'tensorflow', 'tf_keras', 'pld_tf', 'export'} & set(sys.modules)\n"
        "print(sorted(found))\n"
    )
    root = ROOT
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
