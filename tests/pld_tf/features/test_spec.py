"""Numbers of a FeatureSpec that no device or corpus could use are refused by name and value."""

import numpy as np
import pytest

from pld_tf.data.store.loudness import BLOCK_MS, block_energies
from pld_tf.features.spec import CLIP_MS, FeatureSpec


@pytest.mark.parametrize("rate_hz", [1000, 4000, 8000, 9900, 10001, 11025, 22050, 44100, 48000])
def test_a_second_has_100_blocks_at_every_rate_that_is_taken(rate_hz):
    spec = FeatureSpec(
        sample_rate_hz=rate_hz, window_ms=1000, hop_ms=1000, fft_size=65536, high_hz=rate_hz // 2
    )
    second = np.ones(spec.clip_samples, np.int16)
    block = spec.clip_samples * BLOCK_MS // CLIP_MS
    assert len(block_energies(second, block)) == CLIP_MS // BLOCK_MS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # 9999 Hz: blocks of 99 samples, of which a second holds 101.
        ({"sample_rate_hz": 9999}, "sample_rate_hz must be a multiple of 100, or 10000 and above"),
        ({"sample_rate_hz": 999}, "sample_rate_hz must be 1000 to 384000; got 999"),
        ({"sample_rate_hz": 384_100}, "sample_rate_hz must be 1000 to 384000; got 384100"),
        ({"window_ms": 1001}, "window_ms must be at most 1000; got 1001"),
        ({"fft_size": 256}, r"fft_size must be a power of two from one window \(480 samples\)"),
        ({"fft_size": 500}, "fft_size must be a power of two"),
        ({"fft_size": 131_072}, "fft_size must be .* to 65536; got 131072"),
    ],
)
def test_a_number_out_of_range_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        FeatureSpec(**changes)
