"""Makes the .tflite files beside it: python tests/golden/harness/make_models.py

float.tflite           6 x 4 features, conv 3 x 3 to 3 channels, depthwise 3 x 3, mean, 3 logits
int8.tflite            the same, int8 from input to output
int8_float_io.tflite   the same again with float32 input and output, so with a QUANTIZE operator
lstm.tflite            5 x 4 features, an LSTM of 3 units, 2 logits; float32
"""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
SEED = 5


def main() -> None:
    import tensorflow as tf  # here, because pytest imports this file to look for doctests
    import tf_keras

    from pld_tf.models.seeding import set_seed

    set_seed(SEED)
    layers = tf_keras.layers
    bias = "random_normal"  # equal constants are stored once, which would hide parameters
    conv_net = tf_keras.Sequential(
        [
            layers.Input([6, 4, 1]),
            layers.Conv2D(3, 3, padding="same", activation="relu", bias_initializer=bias),
            layers.DepthwiseConv2D(3, padding="valid", bias_initializer=bias),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, bias_initializer=bias),
        ]
    )
    lstm_net = tf_keras.Sequential([layers.Input([5, 4]), layers.LSTM(3), layers.Dense(2)])
    _write("float.tflite", _converter(tf, conv_net))
    _write("int8_float_io.tflite", _int8(tf, _converter(tf, conv_net)))
    whole = _int8(tf, _converter(tf, conv_net))
    whole.inference_input_type = whole.inference_output_type = tf.int8
    _write("int8.tflite", whole)
    _write("lstm.tflite", _converter(tf, lstm_net))


def _converter(tf, model):
    shape = [1, *model.input_shape[1:]]
    function = tf.function(model).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    return tf.lite.TFLiteConverter.from_concrete_functions([function], model)


def _int8(tf, converter):
    generator = np.random.default_rng(SEED)
    crops = generator.standard_normal([100, 1, 6, 4, 1]).astype(np.float32)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = lambda: ([crop] for crop in crops)
    return converter


def _write(name, converter) -> None:
    (FOLDER / name).write_bytes(converter.convert())


if __name__ == "__main__":
    main()
