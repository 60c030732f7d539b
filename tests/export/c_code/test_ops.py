"""The exact operator list, as text, against TFLite Micro, and through a compiler."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from export.c_code.ops import ops_header
from export.errors import ExportError
from export.tflite.tflm_operators import BUILTIN, resolver_method

# What the resolver of TFLite Micro offers, as far as these tests ask: a stub of its interface.
STUB = """
#include <cstdio>
#include <cstring>
#include "kws_ops.h"

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
static char log_[1000];

struct TFLMRegistration {};
static const TFLMRegistration none;

template <unsigned int N>
class MicroMutableOpResolver {
    unsigned int used = 0;
    TfLiteStatus add(const char *name)
    {
        std::strcat(log_, name);
        return used++ < N ? kTfLiteOk : kTfLiteError;
    }
public:
    TfLiteStatus AddConv2D(const TFLMRegistration & = none) { return add("Conv2D "); }
    TfLiteStatus AddMean(const TFLMRegistration & = none) { return add("Mean "); }
    TfLiteStatus AddFullyConnected(const TFLMRegistration & = none) { return add("FC "); }
    TfLiteStatus AddUnidirectionalSequenceLSTM() { return add("LSTM "); }
};

int main()
{
    MicroMutableOpResolver<KWS_NUM_OPS> resolver;
    MicroMutableOpResolver<1> too_small;
    TfLiteStatus good = kws_add_ops(resolver);
    TfLiteStatus bad = kws_add_ops(too_small);
    std::printf("%d %d %d %s", KWS_NUM_OPS, good == kTfLiteOk, bad == kTfLiteOk, log_);
}
"""
FOUR = ["CONV_2D", "FULLY_CONNECTED", "MEAN", "UNIDIRECTIONAL_SEQUENCE_LSTM"]


@pytest.mark.parametrize("standard", ["c++11", "c++17"])
def test_the_header_compiles_and_adds_each_operator_once(tmp_path, standard):
    """The second resolver is full after one operator: nothing is added past the failure."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not here")
    (tmp_path / "kws_ops.h").write_text(ops_header(FOUR, digest="00"))
    (tmp_path / "main.cc").write_text(STUB)
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
    subprocess.run(
        ["g++", f"-std={standard}", *warnings, "main.cc", "-o", "main"], cwd=tmp_path, check=True
    )
    said = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    assert said == "4 1 0 Conv2D FC Mean LSTM Conv2D FC "


@pytest.mark.parametrize(
    ("operator", "method"),
    [
        ("CONV_2D", "AddConv2D"),
        ("DEPTHWISE_CONV_2D", "AddDepthwiseConv2D"),
        ("AVERAGE_POOL_2D", "AddAveragePool2D"),
        ("L2_POOL_2D", "AddL2Pool2D"),
        ("FULLY_CONNECTED", "AddFullyConnected"),
        ("ADD_N", "AddAddN"),
        ("RELU6", "AddRelu6"),
        ("BATCH_TO_SPACE_ND", "AddBatchToSpaceNd"),
        ("BATCH_MATMUL", "AddBatchMatMul"),
        ("CUMSUM", "AddCumSum"),
        ("PADV2", "AddPadV2"),
        ("REVERSE_V2", "AddReverseV2"),
        ("RESIZE_NEAREST_NEIGHBOR", "AddResizeNearestNeighbor"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
        ("CUSTOM ethos-u", "AddEthosU"),
        ("CUSTOM SignalPCAN", "AddPCAN"),
        ("CUSTOM TFLite_Detection_PostProcess", "AddDetectionPostprocess"),
    ],
)
def test_methods_are_named_as_in_micro_mutable_op_resolver_h(operator, method):
    assert resolver_method(operator) == method


@pytest.mark.parametrize("operator", ["TILE", "GELU", "CUSTOM mine", "CUSTOM CONV_2D", "DELEGATE"])
def test_an_operator_that_tflm_lacks_has_no_method(operator):
    assert resolver_method(operator) is None


def test_unknown_operators_are_named_and_known_ones_are_not():
    with pytest.raises(ExportError, match=r"no kernel for CUSTOM mine, TILE, so") as error:
        ops_header(["TILE", "CONV_2D", "CUSTOM mine"], digest="00")
    assert "\n" not in str(error.value)


def test_a_model_without_operators_is_refused():
    with pytest.raises(ExportError, match="has no operator"):
        ops_header([], digest="00")


def test_the_table_is_what_the_installed_tflm_registers():
    """Its library exports a function Register_NAME for each operator, and their variants."""
    found = importlib.util.find_spec("tflite_micro")
    if found is None:
        pytest.skip("needs the extra tflm: tflite-micro")
    library = Path(found.origin).parent / "python" / "tflite_micro" / "_runtime.so"
    symbols = re.findall(rb"micro\d+Register_([A-Z0-9_]+)Ev\b", library.read_bytes())
    registered = {symbol.decode() for symbol in symbols}
    assert registered >= BUILTIN
    # What it registers beyond the schema: custom operators, a classifier, a reference variant.
    custom = {"CIRCULAR_BUFFER", "DECODE", "DETECTION_POSTPROCESS", "ETHOSU", "BASIC_CLASSIFIER"}
    assert registered - BUILTIN - custom <= {"L2NORM_REF"}


def test_no_method_is_named_twice():
    methods = [resolver_method(name) for name in BUILTIN]
    assert len(set(methods)) == len(BUILTIN)
