"""One seed for the initial weights and the dropout of networks."""

import random

import tensorflow as tf
from tf_keras.src import backend


def set_seed(seed: int) -> None:
    """Make the networks that this process builds next, and their dropout, repeatable.

    Not `tf_keras.utils.set_random_seed`: after it tf_keras 2.17 asks a generator of its own for
    a number up to 1e9, a float, which Python 3.12 refuses. Without that generator it takes its
    seeds from Python's, rightly.
    """
    random.seed(seed)
    tf.random.set_seed(seed)
    backend._SEED_GENERATOR.generator = None  # one may be left from set_random_seed
