"""Features in integers: the NumPy oracle that the C front end equals bit for bit.

Slow and obvious: every value is an int64, every frame is computed as a device computes it. The
C twin is firmware_harness/src/frontend. export/c_code/frontend.py computes the same tables for it.

The steps for one frame, with the fixed-point format of each value:
  int16 samples, shifted up as far as the loudest allows (block floating point), x window Q15, cut
  to the FFT's bits; an FFT of half as many complex points, whose values lose a bit in each pass
  with twiddles; squared magnitudes; mel sums; log2 Q15; DCT Q15; one multiplication into the
  model's int8 steps.
"""

from dataclasses import dataclass

import numpy as np

from pld_tf.features.spec import FeatureSpec
from pld_tf.features.tables import Q15, FeatureTables, make_tables

MAX_ENERGY_BITS = 63  # of 64; one bit is reserved for rounding
LOG2_STEPS = 64  # steps of the table per doubling
MULTIPLIER_BITS = 31

Complex = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Fraction bits, chosen so that no sum overflows at the loudest input.

    Attributes:
      input_bits: of the FFT's input; at most 15, so products are only shifted right.
      spectrum_bits: of the spectrum.
      power_shift: bits that squared magnitudes are shifted right, from 2 * spectrum_bits.
      max_headroom: greatest number of bits that samples of a quiet frame are shifted up.
    """

    input_bits: int
    spectrum_bits: int
    power_shift: int
    max_headroom: int

    @property
    def energy_bits(self) -> int:
        """Fraction bits of mel energies: those of the power plus 15 of the filters."""
        return 2 * self.spectrum_bits - self.power_shift + 15


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Turns features in log2 units, Q15, into the model's input: x * multiplier >> shift."""

    multiplier: int
    shift: int
    zero_point: int


def fixed_point_features(
    samples: np.ndarray, spec: FeatureSpec, *, input_scale: float, input_zero_point: int
) -> np.ndarray:
    """Features as a device passes them to an int8 model.

    Args:
      samples: int16, shape [num_samples].
      spec: window, hop, filters, floor and scale.
      input_scale: of the model's input: feature = scale * (stored - zero_point).
      input_zero_point: of the model's input.

    Returns:
      int8, shape [frames, bins]. Frame f depends on samples f * hop to f * hop + window alone.
    """
    tables = make_tables(spec)
    scaling = choose_scaling(tables, spec)
    starts = np.arange(spec.frames(len(samples)))[:, None] * spec.hop_samples
    frames = samples[starts + np.arange(spec.window_samples)].astype(np.int64)
    headroom = headroom_bits(frames, scaling)[:, None]
    spectrum = _spectrum(frames, headroom, tables, spec, scaling)
    energy = _mel_energy(_power(spectrum, scaling), tables)
    energy += np.uint64(spec.log_floor << scaling.energy_bits) << (2 * headroom).astype(np.uint64)
    features = log2_q15(energy) - log2_bias(spec, scaling) - (2 * headroom << 15)
    if spec.mfcc:
        features = features @ tables.dct.astype(np.int64) >> 15
    return _to_int8(
        features,
        choose_steps(spec, input_scale=input_scale, input_zero_point=input_zero_point),
    )


def choose_scaling(tables: FeatureTables, spec: FeatureSpec) -> Scaling:
    """The finest scaling that cannot overflow.

    In a pass with blocks of `size` points, each value is a sum over points a stride apart. Its
    complex magnitude is at most 32768 times the sum of their window weights. Separating the
    spectrum takes twice that. Energies of one frame sum to at most fft_size / 2 times its squared
    samples.
    """
    weights = np.zeros(spec.fft_size, np.int64)
    weights[: spec.window_samples] = tables.window
    points = spec.fft_size // 2
    largest = 0  # in units of samples, as if all passes had the spectrum's bits
    sizes = pass_sizes(points)
    for passed, size in enumerate([1, *sizes]):
        loudest = int(weights.reshape(size, -1).sum(0).reshape(-1, 2).sum(1).max())
        twice = 2 if size == points else 1
        largest = max(largest, loudest * twice << len(sizes) - max(passed, 1))
    # Reserve a 16384th: each rounding moves a value by less than 1.
    spectrum_bits = 31 - (largest + (largest >> 14)).bit_length()
    signal = spec.fft_size // 2 * int((weights**2).sum())
    energy = signal + spec.log_floor
    spare = MAX_ENERGY_BITS - 15 - energy.bit_length()
    spectrum_bits = min(spectrum_bits, max(1, spare // 2), 16 - len(sizes))
    input_bits = spectrum_bits + len(sizes) - 1
    # The floor is shifted with the samples, by twice as many bits because it is an energy.
    moved = (signal + (spec.log_floor << 2 * bits) for bits in range(1, 16 - input_bits))
    fitting = [each for each in moved if each.bit_length() <= energy.bit_length()]
    return Scaling(
        input_bits=input_bits,
        spectrum_bits=spectrum_bits,
        power_shift=max(0, 2 * spectrum_bits - spare),
        max_headroom=len(fitting),
    )


def headroom_bits(frames: np.ndarray, scaling: Scaling) -> np.ndarray:
    """High bits that no sample of a frame needs, at most `max_headroom`: int64 [frames].

    >>> scaling = Scaling(input_bits=4, spectrum_bits=1, power_shift=0, max_headroom=11)
    >>> headroom_bits(np.array([[0, 0], [-16, 15], [-17, 0], [-128, 100], [0, 16384]]), scaling)
    array([11, 11, 10,  8,  0])
    """
    largest = np.maximum(frames, ~frames).max(axis=1)  # ~x is -x - 1: int16 reaches down to -32768
    needed = (largest[:, None] >> np.arange(15) > 0).sum(axis=1)
    return np.minimum(15 - needed, scaling.max_headroom)


def pass_sizes(points: int) -> list[int]:
    """Block sizes after each pass of the FFT: passes of radix 4, after one of radix 2 if needed.

    >>> pass_sizes(256), pass_sizes(128)
    ([4, 16, 64, 256], [2, 8, 32, 128])
    """
    sizes = [4 if points.bit_length() % 2 else 2]
    while sizes[-1] < points:
        sizes.append(4 * sizes[-1])
    return sizes


def twiddles_q31(turn: int, count: int) -> Complex:
    """cos and sin of 2 pi k / turn for k < count, Q31; 1 becomes the value one step below."""
    angle = 2 * np.pi * np.arange(count) / turn
    return _q31(np.cos(angle)), _q31(np.sin(angle))


def _q31(values: np.ndarray) -> np.ndarray:
    limit = 2**31 - 1
    return np.clip(np.rint(values * 2.0**31), -limit, limit).astype(np.int64)


def log2_table() -> np.ndarray:
    """log2(1 + i / 64), Q15, for i = 0 to 64."""
    steps = np.arange(LOG2_STEPS + 1) / LOG2_STEPS
    return np.rint(np.log2(1 + steps) * Q15).astype(np.int64)


def log2_q15(values: np.ndarray) -> np.ndarray:
    """log2 of uint64 above 0, Q15, at most 3 units off: a table with linear interpolation.

    >>> (log2_q15(np.array([1, 2, 3, 2**63], np.uint64)) / Q15).round(4).tolist()
    [0.0, 1.0, 1.585, 63.0]
    """
    doublings = np.arange(1, 64, dtype=np.uint64)
    exponent = (values[..., None] >> doublings > 0).sum(-1)
    mantissa = (values << (63 - exponent).astype(np.uint64)) >> np.uint64(63 - 22)
    mantissa = mantissa.astype(np.int64) - (1 << 22)  # 6 bits of index, 16 of fraction
    index, fraction = mantissa >> 16, mantissa & 0xFFFF
    table = log2_table()
    between = (table[index + 1] - table[index]) * fraction >> 16
    return (exponent << 15) + table[index] + between


def log2_bias(spec: FeatureSpec, scaling: Scaling) -> int:
    """Subtracted from the log2 of an energy, so that it is 0 at the spec's offset; Q15."""
    return round((spec.log2_offset + scaling.energy_bits) * Q15)


def choose_steps(spec: FeatureSpec, *, input_scale: float, input_zero_point: int) -> Steps:
    """The factor 1 / (log2_scale * input_scale), to 31 bits."""
    factor = 1.0 / (spec.log2_scale * input_scale)
    exponent = int(np.floor(np.log2(factor)))
    shift = min(15 + MULTIPLIER_BITS - 1 - exponent, 62)
    return Steps(
        multiplier=min(round(factor * 2.0 ** (shift - 15)), 2**31 - 1),
        shift=shift,
        zero_point=input_zero_point,
    )


def _spectrum(
    frames: np.ndarray,
    headroom: np.ndarray,
    tables: FeatureTables,
    spec: FeatureSpec,
    scaling: Scaling,
) -> Complex:
    """Bins 1 to fft_size / 2 - 1 of each frame; no filter uses the bins at the two ends."""
    windowed = np.zeros((len(frames), spec.fft_size), np.int64)
    windowed[:, : spec.window_samples] = (
        frames * tables.window >> 15 - scaling.input_bits - headroom
    )
    re, im = _fft(windowed[:, 0::2], windowed[:, 1::2])
    # Even samples have the spectrum (z + z') / 2, odd ones (z - z') / 2i; z' is z mirrored.
    points = spec.fft_size // 2
    mirror = points - np.arange(1, points)
    sum_re, sum_im = re[:, 1:] + re[:, mirror], im[:, 1:] - im[:, mirror]
    difference_re, difference_im = re[:, 1:] - re[:, mirror], im[:, 1:] + im[:, mirror]
    cos, sin = twiddles_q31(spec.fft_size, points)
    # The upper half is the conjugate of the lower half, computed with its twiddles.
    half = points // 2
    turned_re, turned_im = _turned(
        (difference_re[:, :half], difference_im[:, :half]), (cos[1 : half + 1], sin[1 : half + 1])
    )
    low_re = (sum_re[:, :half] >> 1) + turned_im
    low_im = (sum_im[:, :half] >> 1) - turned_re
    high_re = (sum_re[:, :half] >> 1) - turned_im
    high_im = (sum_im[:, :half] >> 1) + turned_re
    middle_out = slice(half - 2, None, -1) if half > 1 else slice(0, 0)
    return (
        np.concatenate([low_re, high_re[:, middle_out]], axis=1),
        np.concatenate([low_im, high_im[:, middle_out]], axis=1),
    )


def _fft(re: np.ndarray, im: np.ndarray) -> Complex:
    """Discrete Fourier transform of [frames, points], halved by each pass with twiddles."""
    points = re.shape[1]
    if points == 1:
        return re, im
    if points == 2:
        return (
            np.stack([re[:, 0] + re[:, 1], re[:, 0] - re[:, 1]], 1),
            np.stack([im[:, 0] + im[:, 1], im[:, 0] - im[:, 1]], 1),
        )
    parts = [_fft(re[:, first::4], im[:, first::4]) for first in range(4)]
    if points > 4:
        cos, sin = twiddles_q31(points, points)
        k = np.arange(points // 4)
        parts = [(parts[0][0] >> 1, parts[0][1] >> 1)] + [
            _turned(part, (cos[turns * k], sin[turns * k]))
            for turns, part in enumerate(parts[1:], start=1)
        ]
    (a_re, a_im), (b_re, b_im), (c_re, c_im), (d_re, d_im) = parts
    even_re, even_im, odd_re, odd_im = a_re + c_re, a_im + c_im, b_re + d_re, b_im + d_im
    apart_re, apart_im, across_re, across_im = a_re - c_re, a_im - c_im, b_re - d_re, b_im - d_im
    return (
        np.hstack([even_re + odd_re, apart_re + across_im, even_re - odd_re, apart_re - across_im]),
        np.hstack([even_im + odd_im, apart_im - across_re, even_im - odd_im, apart_im + across_re]),
    )


def _turned(values: Complex, twiddles: Complex) -> Complex:
    """values * (cos - i sin), halved by the shift of 32."""
    (re, im), (cos, sin) = values, twiddles
    return (re * cos + im * sin) >> 32, (im * cos - re * sin) >> 32


def _power(spectrum: Complex, scaling: Scaling) -> np.ndarray:
    re, im = spectrum
    return (re * re + im * im >> scaling.power_shift).astype(np.uint64)


def _mel_energy(power: np.ndarray, tables: FeatureTables) -> np.ndarray:
    return power @ tables.mel[1:-1].astype(np.uint64)


def _to_int8(features: np.ndarray, steps: Steps) -> np.ndarray:
    """Round half away from zero, as TFLite does, and clip to int8."""
    product = features * steps.multiplier
    rounded = np.abs(product) + (1 << steps.shift - 1) >> steps.shift
    return np.clip(np.sign(product) * rounded + steps.zero_point, -128, 127).astype(np.int8)
