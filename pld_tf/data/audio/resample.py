"""Bring a recording to a wanted rate. Loads TensorFlow only if the rate changes."""

import numpy as np

from pld_tf.data.audio.decode import Recording

# The resampler's filter reaches this many samples to each side, counted at the lower rate.
_FILTER_REACH = 32


def at_rate(recording: Recording, sample_rate_hz: int) -> np.ndarray:
    """int16 [samples] at `sample_rate_hz`; 16-bit audio at that rate is returned unchanged."""
    mono = recording.mono
    if recording.sample_rate_hz != sample_rate_hz:
        mono = _resample(mono, from_hz=recording.sample_rate_hz, to_hz=sample_rate_hz)
    if mono.dtype == np.int16:
        return mono
    return np.clip(np.rint(mono), -32768, 32767).astype(np.int16)


def _resample(mono: np.ndarray, *, from_hz: int, to_hz: int) -> np.ndarray:
    """Resample without a shift in time, to the nearest whole number of samples.

    The resampler's output is late by the reach of its filter. Zeros appended to the input push the
    last samples out.
    """
    # tfio.audio.resample traces a graph for every length: 30 ms per clip instead of 3.
    from tensorflow_io.python.ops import core_ops

    length = max(1, round(mono.size * to_hz / from_hz))
    late = round(_FILTER_REACH * max(1.0, to_hz / from_hz))
    padding = np.zeros(-(-(late + 1) * from_hz // to_hz) + 1)
    padded = np.concatenate([mono, padding]).astype(np.float32) / np.float32(32768)
    out = core_ops.io_audio_resample(padded[:, np.newaxis], rate_in=from_hz, rate_out=to_hz)
    return out.numpy()[late : late + length, 0].astype(np.float64) * 32768
