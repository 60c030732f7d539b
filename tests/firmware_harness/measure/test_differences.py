import numpy as np
from hypothesis import given
from hypothesis.extra import numpy as arrays

from firmware_harness.measure.differences import count_differences, explain

INT8 = arrays.arrays(np.int8, (4, 1, 3))


@given(expected=INT8, found=INT8)
def test_counts_are_those_of_a_slow_look_at_every_byte(expected, found):
    got = count_differences(expected=[expected], found=[found])
    steps = [abs(int(a) - int(b)) for a, b in zip(expected.flat, found.flat, strict=True)]
    assert got.compared_bytes == 12
    assert got.mismatched_bytes == sum(step > 0 for step in steps)
    assert got.by_steps == {size: steps.count(size) for size in sorted(set(steps) - {0})}
    rows = zip(expected, found, strict=True)
    assert got.mismatched_inputs == sum((a != b).any() for a, b in rows)


def test_a_value_of_two_bytes_counts_each_byte_that_differs():
    """0x0100 and 0x0000 differ in one byte, by 256 steps; 0x0101 in both."""
    one, other = np.array([[256, 257]], np.int16), np.zeros((1, 2), np.int16)
    got = count_differences(expected=[one], found=[other])
    assert (got.compared_bytes, got.mismatched_bytes) == (4, 3)
    assert got.by_steps == {256: 1, 257: 1}


def test_all_outputs_of_a_model_are_compared():
    one, other = np.zeros((2, 3), np.int8), np.zeros((2, 4), np.int8)
    changed = other.copy()
    changed[1, 2] = 5
    got = count_differences(expected=[one, other], found=[one, changed])
    assert (got.compared_bytes, got.mismatched_inputs, got.by_steps) == (14, 1, {5: 1})


def differing(*steps):
    found = np.array([steps], np.int8)
    return count_differences(expected=[np.zeros_like(found)], found=[found])


def test_equal_outputs_need_no_explanation():
    assert explain(differing(0, 0), {"FULLY_CONNECTED"}) is None


def test_a_dense_layer_explains_and_counts_by_size():
    text = explain(differing(1, -1, 4), {"CONV_2D", "FULLY_CONNECTED"})
    assert text.startswith("2 values differ by 1 step, 1 by more. FULLY_CONNECTED: ")


def test_without_a_dense_layer_nothing_is_explained_away():
    text = explain(differing(1), {"CONV_2D"})
    assert (
        text
        == "1 values differ by 1 step, 0 by more; no operator of this model is known to differ."
    )
