"""Every number a device needs to turn audio into features. Imports nothing of ours."""

from dataclasses import asdict, dataclass

CLIP_MS = 1000  # every clip is padded or cut to one second
MAX_FFT_SIZE = 65536  # a device has no memory for more; tables of 128 filters take 16 MB


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """Log-mel features, or MFCC made from them.

    A feature is (log2(mel energy + log_floor) - log2_offset) / log2_scale. Both constants are
    fixed numbers, never statistics of a clip: a device cannot wait for the end of the audio.

    Args:
      sample_rate_hz: rate of all audio after decoding, 1000 to 384000; below 10000 a multiple of
        100, so that a second is 100 blocks of 10 ms.
      window_ms: length of one analysis window, at most a second.
      hop_ms: from one window to the next; at most `window_ms`.
      fft_size: power of two, at least one window long.
      mel_bins: triangular filters between `low_hz` and `high_hz`.
      low_hz: lower edge of the first filter.
      high_hz: upper edge of the last filter; at most half the sample rate.
      log_floor: energy added before the logarithm, in squared int16 units, 1 to 2**48.
      log2_offset: log2 energy that becomes feature 0.
      log2_scale: log2 energies per feature unit.
      mfcc: DCT-II coefficients kept; 0 keeps the mel bins themselves.

    Raises:
      ValueError: a number is out of its range; the message names it.
    """

    sample_rate_hz: int = 16000
    window_ms: int = 30
    hop_ms: int = 20
    fft_size: int = 512
    mel_bins: int = 40
    low_hz: int = 60
    high_hz: int = 7600
    log_floor: int = 512
    log2_offset: float = 20.0
    log2_scale: float = 4.0
    mfcc: int = 0

    def __post_init__(self) -> None:
        _require(1000 <= self.sample_rate_hz <= 384_000, "sample_rate_hz", "1000 to 384000", self)
        # The search for a clip's loudest part needs 100 blocks of whole samples.
        _require(
            self.sample_rate_hz >= 10_000 or self.sample_rate_hz % 100 == 0,
            "sample_rate_hz",
            "a multiple of 100, or 10000 and above",
            self,
        )
        _require(self.window_ms <= CLIP_MS, "window_ms", f"at most {CLIP_MS}", self)
        _require(self.hop_ms >= 1, "hop_ms", "at least 1", self)
        _require(
            self.hop_ms <= self.window_ms,
            "hop_ms",
            f"at most window_ms ({self.window_ms}): audio between windows would never be heard",
            self,
        )
        for name in ("window_ms", "hop_ms"):
            whole = self.sample_rate_hz * getattr(self, name) % 1000 == 0
            _require(whole, name, "a whole number of samples", self)
        _require(
            self.window_samples <= self.fft_size <= MAX_FFT_SIZE
            and self.fft_size & (self.fft_size - 1) == 0,
            "fft_size",
            f"a power of two from one window ({self.window_samples} samples) to {MAX_FFT_SIZE}",
            self,
        )
        _require(0 <= self.low_hz < self.high_hz, "low_hz", "at least 0, below high_hz", self)
        _require(self.high_hz * 2 <= self.sample_rate_hz, "high_hz", "at most half the rate", self)
        _require(1 <= self.mel_bins <= 128, "mel_bins", "1 to 128", self)
        _require(1 <= self.log_floor <= 2**48, "log_floor", "1 to 2**48", self)
        _require(self.log2_scale > 0, "log2_scale", "positive", self)
        _require(0 <= self.mfcc <= self.mel_bins, "mfcc", "0 to mel_bins", self)

    @property
    def window_samples(self) -> int:
        return self.sample_rate_hz * self.window_ms // 1000

    @property
    def hop_samples(self) -> int:
        return self.sample_rate_hz * self.hop_ms // 1000

    @property
    def clip_samples(self) -> int:
        return self.samples(CLIP_MS)

    @property
    def bins(self) -> int:
        """Features per frame."""
        return self.mfcc or self.mel_bins

    def samples(self, length_ms: int) -> int:
        """Samples in `length_ms` milliseconds of audio."""
        return self.sample_rate_hz * length_ms // 1000

    def frames(self, num_samples: int) -> int:
        """Whole windows in `num_samples` samples; a remainder shorter than a window is dropped.

        >>> FeatureSpec().frames(8000), FeatureSpec().frames(16000)
        (24, 49)
        """
        return max(0, 1 + (num_samples - self.window_samples) // self.hop_samples)

    def to_dict(self) -> dict[str, int | float]:
        return asdict(self)


def _require(holds: bool, name: str, expected: str, spec: FeatureSpec) -> None:
    if not holds:
        raise ValueError(f"{name} must be {expected}; got {getattr(spec, name)}.")
