"""Integer tables: worked values and the properties the front ends rely on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pld_tf.features.spec import FeatureSpec
from pld_tf.features.tables import Q15, hz_to_mel, make_tables

SMALL = FeatureSpec(
    sample_rate_hz=1000, window_ms=8, hop_ms=4, fft_size=8, mel_bins=2, low_hz=0, high_hz=500
)


def test_worked_window_is_a_periodic_hann():
    """0.5 - 0.5 cos(2 pi n / 8), times 32768; the peak gives way by 1 to fit into int16."""
    window = make_tables(SMALL).window
    assert window.dtype == np.int16
    assert window.tolist() == [0, 4799, 16384, 27969, 32767, 27969, 16384, 4799]


def test_worked_mel_filters():
    """mel(500 Hz) = 607.45, so 3 equal steps put the centres at 137.77 and 302.66 Hz."""
    mel = make_tables(SMALL).mel
    assert mel.dtype == np.int32
    assert mel.shape == (5, 2)
    # 125 Hz = 185.17 mel lies 0.9145 of the way up to the first centre, 202.48 mel; 250 Hz =
    # 344.16 mel 0.6997 of the way on to the second; 375 Hz = 483.47 mel 0.6123 before the end.
    np.testing.assert_allclose(
        mel / Q15, [[0, 0], [0.9145, 0], [0.3003, 0.6997], [0, 0.6123], [0, 0]], atol=1e-4
    )


def test_worked_dct_is_orthonormal():
    """Two bins: rows (1, 1) / sqrt(2) and (1, -1) / sqrt(2), as columns."""
    dct = make_tables(replace(SMALL, mfcc=2)).dct
    assert dct.dtype == np.int16
    assert dct.tolist() == [[23170, 23170], [23170, -23170]]


def test_mel_features_have_no_dct():
    assert make_tables(SMALL).dct.shape == (2, 0)


def test_the_mel_scale_is_zero_at_zero_and_1000_at_1000_hz():
    np.testing.assert_allclose(hz_to_mel(np.array([0.0, 1000.0])), [0.0, 999.99], atol=0.01)


def test_a_filter_between_two_fft_bins_is_refused():
    """Filter 0 of 8 spans 0 to 89 Hz; the FFT bins are at 0 and 125 Hz."""
    with pytest.raises(ValueError, match="mel_bins = 8 puts filter 0 between two FFT bins"):
        make_tables(replace(SMALL, mel_bins=8))


@settings(deadline=None, max_examples=30)
@given(mel_bins=st.integers(1, 40), low_hz=st.integers(0, 300), high_hz=st.integers(6000, 8000))
def test_filters_overlap_to_one_between_the_outer_centres(mel_bins, low_hz, high_hz):
    """Two neighbours share each FFT bin and add up to 1; outside the outer edges all is 0."""
    spec = FeatureSpec(mel_bins=mel_bins, low_hz=low_hz, high_hz=high_hz, fft_size=2048)
    mel = make_tables(spec).mel
    bins_hz = np.arange(len(mel)) * spec.sample_rate_hz / spec.fft_size
    assert mel.min() >= 0
    assert mel.max() <= Q15
    assert not mel[(bins_hz < low_hz) | (bins_hz > high_hz)].any()
    low, high = hz_to_mel(np.array([low_hz, high_hz], float))
    step = (high - low) / (mel_bins + 1)
    inner = (hz_to_mel(bins_hz) >= low + step) & (hz_to_mel(bins_hz) <= high - step)
    assert (np.abs(mel[inner].sum(axis=1) - Q15) <= 1).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 64).flatmap(lambda bins: st.tuples(st.just(bins), st.integers(1, bins))))
def test_dct_columns_are_orthonormal(sizes):
    mel_bins, mfcc = sizes
    spec = FeatureSpec(mel_bins=mel_bins, mfcc=mfcc, fft_size=4096)
    dct = make_tables(spec).dct / Q15
    # Each of at most 64 coefficients is rounded by up to 2**-16: sqrt(2 * 64) * 2**-15 in all.
    np.testing.assert_allclose(dct.T @ dct, np.eye(mfcc), atol=3.5e-4)
    assert (dct[:, 0] > 0).all()


def test_the_same_spec_gives_the_same_bytes():
    first, second = make_tables(FeatureSpec(mfcc=10)), make_tables(FeatureSpec(mfcc=10))
    assert list(first.arrays()) == ["window", "mel", "dct"]
    for name, array in first.arrays().items():
        assert array.tobytes() == second.arrays()[name].tobytes()
