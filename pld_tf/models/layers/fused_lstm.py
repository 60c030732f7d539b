"""A long short-term memory (LSTM) that the TFLite converter turns into a single int8 operator.

The converter recognizes an LSTM by a graph function with six inputs, five outputs and the
attribute `api_implements`. It replaces the whole body. Freezing a graph would inline the function
and drop the attribute. So the layer forbids inlining, and `mark_lstms` restores the attribute.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

_KEPT_WHOLE = "_noinline"
_FUSABLE = "time_major"  # an attribute that the converter reads and no other function has
_LEFT_BEHIND = (_KEPT_WHOLE, "_GrapplerSpecializedFunc")  # removed, as the converter refuses them


@tf_keras.utils.register_keras_serializable(package="pld_tf")
class FusedLstm(tf_keras.layers.Layer):
    """Read a sequence step by step into one state; return the state after the last step.

    Takes float32 [batch, steps, features] and gives [batch, units]. The state is zero at the start
    of every call. Weights and outputs have the layout of `tf_keras.layers.LSTM` (gates in the order
    input, forget, cell, output).

    Args:
      units: size of the state.

    Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000. The gate is
    open at first: its initial bias is 1, as in Jozefowicz et al. 2015.
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}

    def build(self, input_shape: tf.TensorShape) -> None:
        columns = 4 * self.units
        self.kernel = self.add_weight("kernel", [input_shape[-1], columns])
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", [self.units, columns], initializer="orthogonal"
        )
        self.bias = self.add_weight("bias", [columns], initializer=_open_forget_gate)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        zeros = tf.zeros([tf.shape(inputs)[0], self.units])
        weights = [self.kernel, self.recurrent_kernel, self.bias]
        last, *others = _steps(inputs, zeros, zeros, *[each.read_value() for each in weights])
        for other in others:
            tf.identity(other)  # freezing a graph removes outputs that nothing reads
        return last


def mark_lstms(graph_def: Any) -> None:
    """Mark the LSTM functions of a frozen GraphDef for the converter, and number their names.

    Any other graph stays as it is. TensorFlow's own names depend on what else the process has
    traced.
    """
    names: dict[str, str] = {}
    for function in graph_def.library.function:
        if _FUSABLE not in function.attr:
            continue
        name = names[function.signature.name] = f"lstm_{len(names) + 1}"
        function.signature.name = name
        function.attr["api_implements"].s = name.encode()
        function.attr["api_preferred_device"].s = b"CPU"
        for attribute in _LEFT_BEHIND:
            function.attr.pop(attribute, None)
    for node in graph_def.node:
        # Test first: reading a missing key of a protobuf map adds it.
        if "f" in node.attr and node.attr["f"].func.name in names:
            node.attr["f"].func.name = names[node.attr["f"].func.name]


def _open_forget_gate(shape: Sequence[int], dtype: tf.DType) -> tf.Tensor:
    gate = shape[0] // 4
    return tf.concat([tf.zeros(gate, dtype), tf.ones(gate, dtype), tf.zeros(2 * gate, dtype)], 0)


def _run_steps(
    inputs: tf.Tensor,
    hidden: tf.Tensor,
    cell: tf.Tensor,
    kernel: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    bias: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    """Last output, all outputs, last state, last cell, and a number that is not used."""
    steps = tf.transpose(inputs, [1, 0, 2])
    no_peephole = tf.zeros([hidden.shape[1]])
    # Not BlockLSTMV2: it has Keras' order of gates, but its gradient has another order.
    run = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.cast(tf.shape(steps)[0], tf.int64),
        x=steps,
        cs_prev=cell,
        h_prev=hidden,
        w=_cell_gate_second(tf.concat([kernel, recurrent_kernel], axis=0)),
        wci=no_peephole,
        wcf=no_peephole,
        wco=no_peephole,
        b=_cell_gate_second(bias),
        forget_bias=0.0,
        cell_clip=-1.0,  # none
        use_peephole=False,
    )
    return run.h[-1], tf.transpose(run.h, [1, 0, 2]), run.h[-1], run.cs[-1], tf.constant(0.0)


def _cell_gate_second(columns: tf.Tensor) -> tf.Tensor:
    """Reorder gates from Keras' order to that of BlockLSTM."""
    of_input, of_forget, of_cell, of_output = tf.split(columns, 4, axis=-1)
    return tf.concat([of_input, of_cell, of_forget, of_output], axis=-1)


_steps = tf.function(
    _run_steps,
    autograph=False,
    experimental_attributes={_KEPT_WHOLE: True, _FUSABLE: False, "go_backwards": False},
)
