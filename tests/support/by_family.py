"""One test for each family of networks. The quick tests take two of them."""

import pytest

from pld_tf.models.names import SIZES

QUICK = ("ds_cnn", "lstm")

every_family = pytest.mark.parametrize(
    "family",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SIZES],
)
