"""Numbers behind the demo corpus: resampling, loudness and generated noise. Pure functions."""

import numpy as np

from pld_tf.data.demo.espeak import SAMPLE_RATE_HZ as SPOKEN_HZ

SAMPLE_RATE_HZ = 16000

# 441 spoken samples last as long as 320 samples at 16 kHz.
_SPOKEN_BLOCK, _BLOCK = 441, 320
_FADE_HZ = (7000, 8000)
_SILENT_SHARE = 0.02


def resample_spoken(samples: np.ndarray) -> np.ndarray:
    """A spoken word at 16 kHz: float64, full scale 1, its highest frequencies faded out.

    Uses the spectrum of the whole word. A spectrum joins both ends of the signal; here both are
    silent, so this does no harm.
    """
    blocks = -(-samples.size // _SPOKEN_BLOCK) + 1
    padded = np.zeros(blocks * _SPOKEN_BLOCK)
    padded[: samples.size] = samples / 32768
    spectrum = np.fft.rfft(padded)[: blocks * _BLOCK // 2 + 1]
    frequencies = np.arange(spectrum.size) * (SPOKEN_HZ / padded.size)
    gain = np.interp(frequencies, _FADE_HZ, (1.0, 0.0))
    return np.fft.irfft(spectrum * gain, blocks * _BLOCK) * (_BLOCK / _SPOKEN_BLOCK)


def trim_silence(samples: np.ndarray) -> np.ndarray:
    """The part from the first to the last sample of at least 2 % of the peak."""
    loud = np.flatnonzero(np.abs(samples) >= _SILENT_SHARE * np.abs(samples).max(initial=0))
    return samples[loud[0] : loud[-1] + 1] if loud.size else samples


def rms(samples: np.ndarray) -> float:
    """Root mean square of an array that is not empty."""
    return float(np.sqrt(np.mean(np.square(samples))))


def coloured_noise(rng: np.random.Generator, samples: int, *, slope: float) -> np.ndarray:
    """Noise of RMS 1 whose power falls with frequency**slope: 0 is white, 1 is pink."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum *= np.maximum(np.arange(spectrum.size), 1) ** (-slope / 2)
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, samples)
    return noise / rms(noise)


def hum(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Mains hum, 50 Hz and its harmonics, over a little white noise; RMS 1."""
    seconds = np.arange(samples) / SAMPLE_RATE_HZ
    tones = [
        np.sin(2 * np.pi * (50 * harmonic * seconds + rng.uniform())) / harmonic
        for harmonic in range(1, 12)
    ]
    noise = np.sum(tones, axis=0) + coloured_noise(rng, samples, slope=0) / 10
    return noise / rms(noise)


def babble(rng: np.random.Generator, samples: int, words: list[np.ndarray]) -> np.ndarray:
    """Many spoken words at once, about eight at any time; RMS 1."""
    mixed = np.zeros(samples)
    length = sum(word.size for word in words) / len(words)
    for _ in range(round(8 * samples / length)):
        word = words[rng.integers(len(words))][:samples]
        start = rng.integers(samples - word.size + 1)
        mixed[start : start + word.size] += word / rms(word)
    return mixed / rms(mixed)


def to_int16(samples: np.ndarray) -> np.ndarray:
    """int16 from samples of full scale 1; louder ones are clipped."""
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
