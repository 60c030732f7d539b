"""Integer tables behind the features: window, mel filters, DCT. NumPy only.

TensorFlow, the NumPy oracle and the C front end all use these integers, so they share every
coefficient.
"""

from dataclasses import dataclass

import numpy as np

from pld_tf.features.spec import FeatureSpec

Q15 = 1 << 15


@dataclass(frozen=True, kw_only=True)
class FeatureTables:
    """Fixed-point coefficients of one `FeatureSpec`; all are scaled by 2**15.

    Attributes:
      window: int16 [window_samples], periodic Hann.
      mel: int32 [fft_size // 2 + 1, mel_bins], triangular filters with peak at most 1.
      dct: int16 [mel_bins, mfcc], orthonormal DCT-II; no columns when features are mel bins.
    """

    window: np.ndarray
    mel: np.ndarray
    dct: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        return {"window": self.window, "mel": self.mel, "dct": self.dct}


def make_tables(spec: FeatureSpec) -> FeatureTables:
    """Tables for `spec`.

    Raises:
      ValueError: a mel filter lies between two FFT bins and would be empty.
    """
    return FeatureTables(window=_window(spec), mel=_mel(spec), dct=_dct(spec))


def _window(spec: FeatureSpec) -> np.ndarray:
    n = np.arange(spec.window_samples)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / spec.window_samples)
    return np.minimum(np.rint(hann * Q15), Q15 - 1).astype(np.int16)


def hz_to_mel(hz: np.ndarray) -> np.ndarray:
    """HTK mel scale: 2595 log10(1 + hz / 700).

    >>> round(float(hz_to_mel(np.array(1000.0))), 2)
    999.99
    """
    return 2595.0 * np.log10(1.0 + hz / 700.0)


def mel_weights(bins_hz: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """Weight of FFT bins at `bins_hz` in each mel filter: float64 [bins, mel_bins], 0 to 1."""
    low, high = hz_to_mel(np.array([spec.low_hz, spec.high_hz], np.float64))
    edges = np.linspace(low, high, spec.mel_bins + 2)
    mel = hz_to_mel(bins_hz)[:, None]
    rising = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    return np.clip(np.minimum(rising, falling), 0, 1)


def fft_bins_hz(spec: FeatureSpec) -> np.ndarray:
    """Frequencies of the FFT's bins, float64 [fft_size // 2 + 1]."""
    return np.arange(spec.fft_size // 2 + 1) * spec.sample_rate_hz / spec.fft_size


def _mel(spec: FeatureSpec) -> np.ndarray:
    weights = np.rint(mel_weights(fft_bins_hz(spec), spec) * Q15).astype(np.int32)
    deaf = np.flatnonzero(weights.sum(axis=0) == 0)
    if deaf.size:
        raise ValueError(
            f"features.mel_bins = {spec.mel_bins} puts filter {deaf[0]} between two FFT bins, "
            f"where it hears nothing. Take fewer mel bins or an fft_size above {spec.fft_size}."
        )
    return weights


def _dct(spec: FeatureSpec) -> np.ndarray:
    n = np.arange(spec.mel_bins)[:, None] + 0.5
    k = np.arange(spec.mfcc)[None, :]
    basis = np.cos(np.pi * n * k / spec.mel_bins) * np.sqrt(2 / spec.mel_bins)
    basis[:, :1] /= np.sqrt(2)
    return np.minimum(np.rint(basis * Q15), Q15 - 1).astype(np.int16)
