"""Convert a SavedModel to .tflite files: `python -m export.convert.child`.

Runs as its own process, because some converter failures kill the process. `converter` starts it
and reports how it ended.
"""

# pyright: basic
# TensorFlow has no types.

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.lite.python.convert import mlir_quantize

from export.convert.logit_range import narrow_logits
from export.convert.narrow_ranges import narrow_ranges
from export.system.temporary import whole_file
from export.tflite.compact import compact


def convert(job: dict[str, Any]) -> None:
    """Write one .tflite per entry of `job["outputs"]`, a dict from kind to path."""
    features = np.load(job["representative"], allow_pickle=False)["features"]
    for kind, path in job["outputs"].items():
        content = compact(_convert(job["saved_model"], kind=kind, features=features))
        with whole_file(Path(path)) as unfinished:
            unfinished.write_bytes(content)


def _convert(saved_model: str, *, kind: str, features: np.ndarray) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model)
    if kind == "float":
        return converter.convert()
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _examples(features)
    ops = tf.lite.OpsSet
    if kind == "int8":
        # A network trained with fake quantization has its own ranges. The converter uses them only
        # where it may choose among operators. The crops set the missing ranges.
        brings_ranges = _brings_ranges(saved_model)
        if not brings_ranges:
            converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        content = converter.convert() if brings_ranges else _narrowed(converter, features)
        return narrow_logits(content, _logits(saved_model, features))
    if kind == "int16x8":
        converter.target_spec.supported_ops = [
            ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
        converter.inference_input_type = tf.int16
        converter.inference_output_type = tf.int16
    else:
        raise ValueError(f"kind must be float, int8 or int16x8, got {kind!r}.")
    return converter.convert()


def _narrowed(converter: Any, features: np.ndarray) -> bytes:
    """Calibrate and quantize in two steps, as `tf.lite.experimental.QuantizationDebugger` does."""
    converter._experimental_calibrate_only = True
    crops = (crop["features"] for crop in _examples(features))
    int8: Any = tf.int8
    narrowed = narrow_ranges(converter.convert(), crops)
    content: Any = mlir_quantize(narrowed, input_data_type=int8, output_data_type=int8)
    return content


def _logits(saved_model: str, features: np.ndarray) -> np.ndarray:
    """Logits of the network before conversion: float32 [crops, classes]."""
    run = tf.saved_model.load(saved_model).signatures["serving_default"]
    made = [run(features=tf.constant(crop["features"])) for crop in _examples(features)]
    return np.concatenate([next(iter(outputs.values())).numpy() for outputs in made])


def _brings_ranges(saved_model: str) -> bool:
    """True for the graph of a network that was trained with fake quantization."""
    content = (Path(saved_model) / "saved_model.pb").read_bytes()
    graphs = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    return any(node.op.startswith("FakeQuant") for graph in graphs for node in graph.graph_def.node)


def _examples(features: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    for crop in features:
        yield {"features": crop[None, ..., None]}


if __name__ == "__main__":
    try:
        for each in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
            convert(each)
    except OSError as error:  # for `converter` to raise: no fault of the model
        told = {"errno": error.errno, "reason": error.strerror, "path": error.filename}
        sys.stderr.write(f"\n{json.dumps(told)}\n")
        sys.exit(os.EX_IOERR)
