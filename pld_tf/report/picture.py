"""A log-mel picture of a clip as a small PNG."""

import io

import numpy as np


def mel_picture(features: np.ndarray) -> bytes:
    """A PNG, a pixel for each cell: time from left to right, low frequencies at the bottom.

    Args:
      features: float32 [frames, bins]. The darkest is their least value, the brightest their
        greatest.
    """
    from matplotlib.image import imsave

    file = io.BytesIO()
    plain = {"Software": ""}  # not the version of Matplotlib: the same clip has the same bytes
    imsave(file, features.T, cmap="magma", origin="lower", format="png", metadata=plain)
    return file.getvalue()
