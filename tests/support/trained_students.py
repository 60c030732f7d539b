"""Small students, trained a few steps."""

import numpy as np
import tensorflow as tf
import tf_keras

from pld_tf import models
from pld_tf.models.seeding import set_seed

FRAMES, BINS, CLASSES = 12, 10, 4


def crops(seed: int = 0, count: int = 32) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, FRAMES, BINS, 1)).astype(np.float32)


def network(family: str = "tc_resnet", size: str = "8", width: float = 0.25) -> tf_keras.Model:
    set_seed(1)
    model = models.build(
        family=family, size=size, width=width, dropout=0.1, frames=None, bins=BINS, classes=CLASSES
    )
    # Fresh statistics are zeros and ones: a wrong one would not show.
    rng = np.random.default_rng(0)
    for weights in model.weights:
        if len(weights.shape) == 1 and weights.dtype.is_floating:
            weights.assign(rng.uniform(0.4, 1.2, size=weights.shape))
    return model


def train(model: tf_keras.Model, *, steps: int) -> list[float]:
    """Losses of some steps on random labels."""
    features, labels = crops(), np.arange(32) % CLASSES
    learnt = model.trainable_variables
    optimizer = tf_keras.optimizers.AdamW(3e-3)
    optimizer.build(learnt)

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(features, True))
            )
        optimizer.apply_gradients(zip(tape.gradient(loss, learnt), learnt, strict=True))
        return loss

    return [float(step()) for _ in range(steps)]


def settle(model: tf_keras.Model) -> tf_keras.Model:
    """Let batch normalizations see so many crops that their statistics are those of crops.

    Else what a network gives fades layer by layer, until it is the same for all crops.
    """

    @tf.function
    def hear(batch: tf.Tensor) -> None:
        model(batch, training=True)

    for seed in range(40):
        hear(crops(seed))
    return model


def weights_by_name(model: tf_keras.Model, layer: str) -> dict[str, np.ndarray]:
    found = model.get_layer(layer).weights
    return {weight.name.split("/")[-1].partition(":")[0]: weight.numpy() for weight in found}
