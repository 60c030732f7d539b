"""One seed for the initial weights and the dropout of networks."""

import random

import tensorflow as tf
from tf_keras.src import backend


def set_seed(seed: int) -> None:
    """Make the networks that this process builds next, and their dropout, repeatable.

    Does not use `tf_keras.utils.set_random_seed`. After that call, tf_keras 2.17 asks its own
    generator for a number up to 1e9, a float, which Python 3.12 refuses. Without that generator,
    it draws seeds from Python's, which works.
    """
    random.seed(seed)
    tf.random.set_seed(seed)
    backend._SEED_GENERATOR.generator = None  # set_random_seed may have left one
