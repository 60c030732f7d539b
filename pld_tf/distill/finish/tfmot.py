"""Import tensorflow-model-optimization (tfmot) without its warning about `distutils`."""

import warnings

with warnings.catch_warnings():
    # It compares versions with distutils. setuptools replaces that, with a warning.
    warnings.filterwarnings("ignore", "distutils Version classes", DeprecationWarning)
    import tensorflow_model_optimization as tfmot

__all__ = ["tfmot"]
