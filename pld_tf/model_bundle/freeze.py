"""A trained network as a frozen graph that loads without our code."""

import errno
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from pld_tf.models.layers.equalized_means import with_equalized_means
from pld_tf.models.layers.fused_lstm import mark_lstms


def freeze(model: tf_keras.Model, *, frames: int, bins: int) -> Any:
    """The batch-1 inference function with its weights as constants."""
    model = with_equalized_means(model)
    signature = [tf.TensorSpec([1, frames, bins, 1], tf.float32, name="features")]
    infer = tf.function(lambda features: model(features, training=False), signature)
    return convert_variables_to_constants_v2(infer.get_concrete_function())


def save_model(infer: Any, directory: Path) -> dict[str, str]:
    """Write the frozen graph as a SavedModel with one signature, `serving_default`.

    Uses the TF 1 builder, because its file has the same bytes every time. tf.saved_model.save
    numbers functions by what else the process has traced, and adds a random fingerprint.

    Returns:
      Each node's name in Keras, by its name in the file.
    """
    graph_def, names = _plain_names(infer)
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        tf.graph_util.import_graph_def(graph_def, name="")
        signature = meta_graph_pb2.SignatureDef(
            inputs={"features": _tensor_info(graph, "features")},
            outputs={"logits": _tensor_info(graph, "logits")},
            method_name=tf.saved_model.PREDICT_METHOD_NAME,
        )
        builder = tf.compat.v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(
            session, [tf.saved_model.SERVING], {"serving_default": signature}
        )
        try:
            builder.save()
        except tf.errors.OpError as error:  # TensorFlow's error for a full disk
            raise OSError(errno.EIO, " ".join(error.message.split()), str(directory)) from error
    return {plain: name for name, plain in names.items()}


def _tensor_info(graph: tf.Graph, name: str) -> meta_graph_pb2.TensorInfo:
    tensor = graph.get_tensor_by_name(f"{name}:0")
    return meta_graph_pb2.TensorInfo(
        name=tensor.name,
        dtype=tensor.dtype.as_datatype_enum,
        tensor_shape=tensor.shape.as_proto(),
    )


def _plain_names(infer: Any) -> tuple[Any, dict[str, str]]:
    """The graph with nodes named by operator and a count, and these names by the old ones.

    Keras numbers layers by how many it has built before. The .tflite would inherit these names.
    """
    graph_def = infer.graph.as_graph_def()
    mark_lstms(graph_def)
    names = {infer.inputs[0].op.name: "features", infer.outputs[0].op.name: "logits"}
    counts: dict[str, int] = {}
    for node in graph_def.node:
        counts[node.op] = counts.get(node.op, 0) + 1
        names.setdefault(node.name, f"{node.op}_{counts[node.op]}")
    for node in graph_def.node:
        node.name = names[node.name]
        for index, source in enumerate(node.input):
            name, colon, port = source.removeprefix("^").partition(":")
            caret = "^" if source.startswith("^") else ""
            node.input[index] = f"{caret}{names[name]}{colon}{port}"
    return graph_def, names
