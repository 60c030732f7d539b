"""What every container parser gives to the decoder, and the limits it keeps. Imports nothing."""

from dataclasses import dataclass

MAX_VALUES = 50_000_000  # samples times channels: what decoding may take of memory
RATES_HZ = (1_000, 384_000)
MAX_CHANNELS = 16


class BadClip(Exception):
    """A file is no usable recording. Its text is the reason, without the path."""


@dataclass(frozen=True, kw_only=True)
class AudioStream:
    """One checked recording, still encoded.

    Args:
      encoded: what the native decoder may read: whole, and no larger when decoded than MAX_VALUES.
      sample_rate_hz: from the header; the decoders do not tell.
      channels: from the header.
      sample_type: of one stored value: uint8, int16, int24, int32 or float32.
    """

    encoded: bytes
    sample_rate_hz: int
    channels: int
    sample_type: str


def require(holds: bool, reason: str) -> None:
    """Raise BadClip with the reason unless `holds`."""
    if not holds:
        raise BadClip(reason)


def check_header(*, sample_rate_hz: int, channels: int, samples: int) -> None:
    """Refuse what no recorder writes, before memory is taken for it.

    Raises:
      BadClip: a number is out of its range, or there is no sample.
    """
    low, high = RATES_HZ
    require(
        low <= sample_rate_hz <= high,
        f"expected a sample rate of {low} to {high} Hz, the header says {sample_rate_hz}",
    )
    require(
        1 <= channels <= MAX_CHANNELS,
        f"expected 1 to {MAX_CHANNELS} channels, the header says {channels}",
    )
    require(samples > 0, "holds no samples")
    require(
        samples * channels <= MAX_VALUES,
        f"too long: {samples} samples in {channels} channels, at most {MAX_VALUES} values fit",
    )
