"""Digests that tell whether two clips hold the same sound."""

import hashlib

import numpy as np


def content_digest(samples: np.ndarray, sample_rate_hz: int) -> bytes | None:
    """Digest of the sound: rate, and samples without the zeros at both ends.

    Returns:
      None if all samples are zero: such clips would all count as copies.
    """
    sounding = np.flatnonzero(samples)
    if not len(sounding):
        return None
    core = samples[sounding[0] : sounding[-1] + 1].astype("<i2").tobytes()
    return hashlib.sha256(f"{sample_rate_hz} ".encode() + core).digest()
