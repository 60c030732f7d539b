"""tensorflow-model-optimization (tfmot), imported without its complaint about `distutils`."""

import warnings

with warnings.catch_warnings():
    # It compares versions by distutils, which setuptools stands in for, with a warning.
    warnings.filterwarnings("ignore", "distutils Version classes", DeprecationWarning)
    import tensorflow_model_optimization as tfmot

__all__ = ["tfmot"]
