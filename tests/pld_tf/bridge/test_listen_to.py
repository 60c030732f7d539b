"""Words heard in recordings of other formats are those of the same samples."""

import audio_files
import listening_bundle
import numpy as np
import pytest
from listening_bundle import sound
from stub_bundle import RATE

from firmware_harness.errors import HarnessError
from firmware_harness.listen.listen import listen
from pld_tf.bridge.listen_to import detected_words
from pld_tf.data.audio.read import read_audio
from pld_tf.errors import PldError


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return listening_bundle.write(tmp_path_factory.mktemp("heard") / "bundle")


def written(path, data: bytes):
    path.write_bytes(data)
    return path


def plain(folder, samples: np.ndarray):
    return written(folder / "plain.wav", audio_files.wav(samples.tobytes(), rate=RATE))


def test_a_wav_as_the_bundle_hears_it_is_read_piece_by_piece(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("pld_tf.bridge.listen_to.read_file", None)
    path = plain(tmp_path, sound(3000))
    assert list(detected_words(bundle, path)) == list(listen(bundle, path)) != []


@pytest.mark.parametrize("how", [{"format": "FLAC"}, {"format": "WAV", "endian": "BIG"}], ids=str)
def test_two_channels_of_another_format_are_heard_as_one(bundle, tmp_path, how):
    mono = sound(3000)
    stereo = np.stack([mono, mono], axis=1)
    other = written(tmp_path / "other", audio_files.encoded(stereo, RATE, subtype="PCM_16", **how))
    assert list(detected_words(bundle, other)) == list(listen(bundle, plain(tmp_path, mono)))


def test_another_rate_is_heard_resampled(bundle, tmp_path):
    body = sound(6000).tobytes()
    faster = written(tmp_path / "faster.wav", audio_files.wav(body, rate=2 * RATE))
    resampled = plain(tmp_path, read_audio(faster, sample_rate_hz=RATE))
    assert list(detected_words(bundle, faster)) == list(listen(bundle, resampled)) != []


def test_what_is_no_recording_is_refused_in_one_line(bundle, tmp_path):
    text = written(tmp_path / "text.wav", b"not audio")
    with pytest.raises(PldError, match=r"text\.wav can't be read: expected WAV, FLAC"):
        list(detected_words(bundle, text))
    with pytest.raises(HarnessError, match=r"cannot read .*none\.wav: No such file"):
        list(detected_words(bundle, tmp_path / "none.wav"))
