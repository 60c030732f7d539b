"""Highway network: many thin layers; gates decide what each adds (arXiv:1607.01963).

Lu, Guo and Renals' acoustic model: h = f(x) * T(x) + x * C(x). The two gates T and C are not tied
to each other. All layers share them. The paper scores each frame from the frames around it. Here
the last layer is averaged over the clip, then scored. Hidden layers are conv-BN-ReLU, for int8;
the paper has sigmoids.
"""

import tensorflow as tf

from pld_tf.models.layers.blocks import classifier, conv_bn_relu, layers, scaled

UNITS = {"128": 128, "256": 256, "512": 512}
LAYERS = 10
CONTEXT = 15  # frames that a position covers
# Frames between positions. The paper scores every frame, because it detects phones.
STRIDE = 4


def build(inputs: tf.Tensor, *, size: str, width: float, dropout: float, classes: int) -> tf.Tensor:
    """Give the logits."""
    units = scaled(UNITS[size], width)
    transform, carry = (
        layers.Conv2D(units, (1, 1), activation="sigmoid", name=name)
        for name in ("transform_gate", "carry_gate")
    )
    # [frames, bins, 1] and [frames, 1, bins] have the same bytes: no data moves.
    x = layers.Reshape((-1, 1, inputs.shape[2]))(inputs)
    x = conv_bn_relu(x, units, (CONTEXT, 1), strides=(STRIDE, 1))
    for _ in range(LAYERS - 1):
        hidden = conv_bn_relu(x, units, (1, 1))
        transformed = layers.Multiply()([hidden, transform(x)])
        x = layers.Add()([transformed, layers.Multiply()([x, carry(x)])])
    return classifier(x, dropout=dropout, classes=classes)
