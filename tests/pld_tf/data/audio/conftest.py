import numpy as np
import pytest

from pld_tf.data.audio.read import read_audio


@pytest.fixture
def read(tmp_path):
    def write_and_read(data: bytes, suffix: str = ".wav", rate: int = 16000) -> np.ndarray:
        path = tmp_path / f"clip{suffix}"
        path.write_bytes(data)
        return read_audio(path, sample_rate_hz=rate)

    return write_and_read
