import pytest

from pld_tf.data.corpus.check import require_batch
from pld_tf.errors import PldError


def test_a_whole_batch_is_enough():
    require_batch(64, 64)


def test_less_than_a_batch_names_the_least_batch_that_fits():
    with pytest.raises(
        PldError, match=r"has 63 clips: .*; add clips, or set training\.batch_size=16"
    ):
        require_batch(63, 64)


def test_a_batch_is_not_to_be_set_lower_than_the_least():
    with pytest.raises(PldError, match=r"has 15 clips: .* = 16\); add clips\. docs/data"):
        require_batch(15, 16)
