"""MACs of single operators, worked by hand."""

from export.tflite.macs import operator_macs

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


def test_a_transposed_convolution_spends_its_whole_kernel_on_each_input_value():
    """4 x 4 places of 5 channels; each value is multiplied with 3 x 3 weights for 7 outputs."""
    inputs = [(4,), (7, 3, 3, 5), (1, 4, 4, 5)]
    found = operator_macs("TRANSPOSE_CONV", inputs=inputs, outputs=[(1, 8, 8, 7)])
    assert found == 4 * 4 * 5 * (3 * 3 * 7)


def test_the_projection_of_an_lstm_counts_in_each_frame():
    """10 frames of 6 values, 4 gates of 8 units, whose state is projected to 3 values."""
    inputs = [(1, 10, 6), *[(8, 6)] * 4, *[(8, 3)] * 4, *[None] * 3, *[(8,)] * 4, (3, 8), (3,)]
    assert len(inputs) == 18
    found = operator_macs(LSTM, inputs=inputs, outputs=[(1, 10, 3)])
    assert found == 10 * (4 * 8 * 6 + 4 * 8 * 3 + 3 * 8)


def test_an_lstm_without_projection_or_input_gate_counts_what_it_has():
    inputs = [(1, 10, 6), None, *[(8, 6)] * 3, None, *[(8, 8)] * 3, *[None] * 11]
    assert operator_macs(LSTM, inputs=inputs, outputs=[(1, 10, 8)]) == 10 * 3 * 8 * (6 + 8)


def test_a_grouped_convolution_counts_the_channels_of_one_group():
    inputs = [(1, 5, 5, 8), (6, 3, 3, 2), None]
    assert operator_macs("CONV_2D", inputs=inputs, outputs=[(1, 5, 5, 6)]) == 25 * 6 * 9 * 2


def test_a_depthwise_convolution_counts_its_window_for_each_output_value():
    inputs = [(1, 8, 8, 4), (1, 3, 5, 4), (4,)]
    assert operator_macs("DEPTHWISE_CONV_2D", inputs=inputs, outputs=[(1, 4, 4, 4)]) == 64 * 15


def test_operators_without_weights_and_damaged_ones_count_nothing():
    assert operator_macs("ADD", inputs=[(1, 3), (1, 3)], outputs=[(1, 3)]) == 0
    assert operator_macs("CONV_2D", inputs=[(1, 3, 3, 1), None], outputs=[(1, 3, 3, 1)]) == 0
    assert operator_macs("CONV_2D", inputs=[(1, 3, 3, 1), ()], outputs=[]) == 0
    assert operator_macs("TRANSPOSE_CONV", inputs=[(4,), (1, 3, 3, 1)], outputs=[(1, 8, 8, 1)]) == 0
    assert operator_macs(LSTM, inputs=[], outputs=[]) == 0
