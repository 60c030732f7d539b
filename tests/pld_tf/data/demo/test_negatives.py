import re
import tomllib
from pathlib import Path

import pytest
import soundfile

from pld_tf.data.corpus.negatives import voice_of
from pld_tf.data.demo import negatives as negatives_module
from pld_tf.data.demo.make import DEMO_KEYWORDS, VOICES
from pld_tf.data.demo.negatives import make_negatives
from pld_tf.errors import PldError


def make(folder: Path) -> dict[str, bytes]:
    make_negatives(folder, minutes=1, progress=lambda done, total: None)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.wav")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("negatives") / "made"
    make(folder)
    return folder


def test_a_minute_is_about_a_minute_in_three_folders(made):
    lengths_s = [soundfile.info(path).duration for path in made.rglob("*.wav")]
    assert 40 < sum(lengths_s) < 100
    assert {path.name for path in made.iterdir()} == {"english", "other_languages", "babble"}


def test_the_same_call_writes_the_same_bytes(made, tmp_path):
    expected = {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*.wav")}
    assert make(tmp_path / "again") == expected


def test_names_tell_the_voices_and_none_tests_the_demo(made):
    held_out = {*VOICES["validation"], *VOICES["test"]}
    for path in made.glob("[eo]*/*.wav"):
        voice = voice_of(str(path.relative_to(made.parent)))
        assert voice.rpartition("-")[2] not in held_out
        assert voice == path.name.partition("_nohash_")[0]


def test_no_keyword_is_among_the_english_sentences():
    text = Path(negatives_module.__file__).with_name("sentences.toml").read_text("utf-8")
    words = re.findall(r"[a-z]+", " ".join(tomllib.loads(text)["en"]).lower())
    assert not set(DEMO_KEYWORDS) & set(words)


def test_a_folder_with_files_is_refused(tmp_path):
    (tmp_path / "mine.wav").write_bytes(b"")
    with pytest.raises(PldError, match="expected a new folder, found other files"):
        make_negatives(tmp_path, minutes=1, progress=lambda done, total: None)
