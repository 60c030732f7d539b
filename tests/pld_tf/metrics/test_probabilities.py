import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pld_tf.metrics.probabilities import decide_together, softmax

LOGITS = hnp.arrays(np.float32, (3, 5), elements=st.floats(-50, 50, width=32))


def test_softmax_of_log_weights_gives_the_weights():
    np.testing.assert_allclose(softmax(np.log([1.0, 3.0, 4.0])), [0.125, 0.375, 0.5])


@given(LOGITS)
def test_softmax_rows_sum_to_one_and_ignore_a_shift(logits):
    probabilities = softmax(logits)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1)
    np.testing.assert_allclose(softmax(logits.astype(float) + 1e4), probabilities, atol=1e-9)


@given(LOGITS)
def test_one_crop_decides_by_its_highest_logit(logits):
    assert decide_together(logits[:, None]).tolist() == logits.argmax(axis=1).tolist()
