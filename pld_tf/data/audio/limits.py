"""Limits of a usable recording, checked before memory is allocated."""

MAX_FILE_BYTES = 100 * 2**20
MAX_VALUES = 50_000_000  # samples times channels: bounds the memory of decoding
RATES_HZ = (1_000, 384_000)
MAX_CHANNELS = 16


class BadClip(Exception):
    """A file is not a usable recording. The text is the reason, without the path."""


def require(holds: bool, reason: str) -> None:
    """Raise BadClip with the reason unless `holds`."""
    if not holds:
        raise BadClip(reason)


def check_header(*, sample_rate_hz: int, channels: int) -> None:
    """Refuse rates and channels that no recorder writes.

    Raises:
      BadClip: a number is out of its range.
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


def check_length(*, samples: int, channels: int) -> None:
    """Refuse a recording that is empty or too large for memory.

    Raises:
      BadClip: there is no sample, or there are more than `MAX_VALUES` values.
    """
    require(samples > 0, "holds no samples")
    require(
        samples * channels <= MAX_VALUES,
        f"too long: {samples} samples in {channels} channels, at most {MAX_VALUES} values fit",
    )
