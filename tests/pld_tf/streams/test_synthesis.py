"""Streams of clips and noise: the same for a seed, and every word where it says."""

import csv
import dataclasses
import itertools
import subprocess
import sys

import listening_bundle
import numpy as np
import pytest
import tiny_corpus
from tiny_corpus import COUNTS, RATE, clip_audio, read_wav

from pld_tf.data.store.clip import read_clip
from pld_tf.data.store.packed import SplitIndex, record_bytes
from pld_tf.errors import PldError
from pld_tf.streams.detections import Spoken
from pld_tf.streams.files import read_words, write_stream
from pld_tf.streams.synthesis import (
    FADE_MS,
    LONG_PAUSE_S,
    PAUSE_S,
    StreamParts,
    faded,
    stream,
    word_edges,
)
from pld_tf.system.own_files import LIST_NAME, record_files


@pytest.fixture(scope="module")
def parts(store, classes):
    return StreamParts(store=store, split="validation", classes=classes, noise_volume=0.0)


def pieces(parts, *, seconds=120.0, seed=0):
    return list(stream(parts, seconds=seconds, seed=seed))


def without_noise(parts):
    """Pieces with a word; noise after a long pause is still fading under the next word."""
    made = pieces(parts)
    return [
        piece
        for before, piece in itertools.pairwise([made[0], *made])
        if piece.spoken and before.spoken
    ]


def clips_of(word):
    return [
        clip_audio(f"{word}/validation{n:02d}_nohash_0.wav")
        for n in range(COUNTS["validation"][word])
    ]


def test_a_stream_is_as_long_as_wanted(parts):
    for seconds in (0.001, 1.0, 7.1234):
        made = pieces(parts, seconds=seconds)
        assert sum(len(piece.samples) for piece in made) == round(seconds * RATE)
        assert all(piece.samples.dtype == np.int16 for piece in made)


def test_the_same_seed_gives_the_same_stream(parts):
    for one, other in zip(pieces(parts, seed=5), pieces(parts, seed=5), strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)
        assert one.spoken == other.spoken
    assert [p.spoken for p in pieces(parts, seed=5)] != [p.spoken for p in pieces(parts, seed=6)]


def test_a_piece_ends_with_a_clip_of_its_word(parts):
    """Without noise the last second of a piece is a clip, but for what is faded at its edges."""
    fade = RATE * FADE_MS // 1000
    assert len(without_noise(parts)) > 20
    for piece in without_noise(parts):
        inner = piece.samples[-RATE:][fade:-fade]
        assert any((inner == clip[fade:-fade]).all() for clip in clips_of(piece.spoken.word))


def test_a_word_lies_where_its_clip_is_loud(parts):
    """Clips of the tiny corpus are 4 times louder for 200 ms: found by the sum over so many."""
    samples = np.concatenate([piece.samples for piece in pieces(parts)]).astype(float)
    total = np.concatenate([[0], np.cumsum(np.square(samples))])
    for piece in without_noise(parts):
        start_s, end_s = piece.spoken.start_s, piece.spoken.end_s
        first = round((start_s - 0.5) * RATE) + np.arange(RATE)
        loudest_s = first[(total[first + RATE // 5] - total[first]).argmax()] / RATE
        assert start_s <= loudest_s + 0.03 < loudest_s + 0.17 <= end_s
        # Not much more: steady noise above its quietest fifth counts as speech too.
        assert end_s - start_s < 0.75


def test_words_follow_each_other_after_their_pauses(parts):
    done, gaps = 0, []
    for piece in pieces(parts, seconds=600):
        pause = len(piece.samples) - (RATE if piece.spoken else 0)
        gaps.append((pause / RATE, piece.spoken))
        if piece.spoken:
            assert done / RATE <= piece.spoken.start_s < piece.spoken.end_s
            assert piece.spoken.end_s <= (done + len(piece.samples)) / RATE
        done += len(piece.samples)
    spoken = [pause for pause, word in gaps if word]
    silent = [pause for pause, word in gaps[:-1] if not word]
    assert PAUSE_S[0] <= min(spoken) <= max(spoken) <= PAUSE_S[1]
    assert LONG_PAUSE_S[0] <= min(silent) <= max(silent) <= LONG_PAUSE_S[1]
    assert 0.01 < len(silent) / len(gaps) < 0.1


def test_half_of_the_words_are_keywords_each_as_often(parts):
    words = [p.spoken.word for p in pieces(parts, seconds=3000) if p.spoken]
    share = {word: words.count(word) / len(words) for word in set(words)}
    assert set(share) == {"yes", "no", "bird", "tree"}
    assert share["yes"] + share["no"] == pytest.approx(0.5, abs=0.05)
    assert share["yes"] == pytest.approx(share["no"], abs=0.05)


def test_all_clips_of_a_word_come_before_one_comes_again(parts):
    said = [
        piece.samples[-RATE // 2 : -RATE // 4].tobytes()
        for piece in pieces(parts, seconds=600)
        if piece.spoken and piece.spoken.word == "yes"
    ]
    count = COUNTS["validation"]["yes"]
    rounds = [said[first : first + count] for first in range(0, len(said) - count, count)]
    assert len(rounds) > 10
    assert all(len(set(each)) == count for each in rounds)


def test_noise_is_that_of_the_split_and_no_louder_than_recorded(parts):
    """Noise of the tiny corpus is negative but in training, and at most 1500."""
    noisy = dataclasses.replace(parts, noise_volume=1.0)
    pauses = [p.samples[: len(p.samples) - RATE] for p in pieces(noisy) if p.spoken]
    quiet = np.concatenate(pauses).astype(int)
    assert -1500 <= quiet.min() < -500
    assert quiet.max() <= 0


def test_a_loud_sum_is_clipped_and_does_not_wrap(parts, monkeypatch):
    monkeypatch.setattr(
        "pld_tf.streams.synthesis.read_clip", lambda *_: np.full(RATE, 32767, np.int16)
    )
    monkeypatch.setattr(type(parts.store), "noise", lambda *_: np.full(99, 30000, np.int16))
    noisy = dataclasses.replace(parts, noise_volume=1.0)
    samples = np.concatenate([piece.samples for piece in pieces(noisy, seconds=20)])
    assert samples.max() == 32767
    assert samples.min() >= 0


def test_worked_edges_of_a_word():
    """Blocks of 10 ms: quiet 1, speech in blocks 3 to 5. Silence is a word of the whole clip."""
    energies = np.ones((2, 10), np.float32)
    energies[0, 3:6] = 100
    energies[1] = 0
    edges = word_edges(energies)
    np.testing.assert_allclose(edges[0], [0.03, 0.06])
    np.testing.assert_allclose(edges[1], [0.0, 1.0])


def test_worked_fade():
    clip = faded(np.full(8, 100, np.int16), 4)
    assert clip.tolist() == [0, 25, 50, 75, 75, 50, 25, 0]


def test_clips_are_found_in_any_number_of_shards(parts, tmp_path):
    index = parts.store.splits["validation"]
    content = b"".join(shard.read_bytes() for shard in index.shards)
    cuts = [0, 1, 4, 4, len(index)]  # one of them empty
    shards = []
    for number, (first, past) in enumerate(itertools.pairwise(cuts)):
        shards.append(tmp_path / str(number))
        shards[-1].write_bytes(content[first * record_bytes(RATE) : past * record_bytes(RATE)])
    cut = dataclasses.replace(index, shards=tuple(shards), shard_clips=np.diff(cuts))
    for clip, path in enumerate(index.paths):
        np.testing.assert_array_equal(read_clip(cut, clip, RATE), clip_audio(path.decode()))


def test_a_split_without_keywords_is_refused(parts, classes):
    index = parts.store.splits["validation"]
    others = np.full_like(index.words, parts.store.words.index("bird"))
    splits = parts.store.splits | {"validation": dataclasses.replace(index, words=others)}
    deaf = dataclasses.replace(parts, store=dataclasses.replace(parts.store, splits=splits))
    with pytest.raises(PldError, match="validation"):
        pieces(deaf)


@pytest.mark.parametrize("cut", [0, 5, 100, -100])
def test_a_damaged_store_is_told(parts, tmp_path, cut):
    index = parts.store.splits["validation"]
    shard = tmp_path / index.shards[0].name
    shard.write_bytes(index.shards[0].read_bytes()[:cut])
    damaged: SplitIndex = dataclasses.replace(index, shards=(shard,) * len(index.shards))
    splits = parts.store.splits | {"validation": damaged}
    store = dataclasses.replace(parts.store, splits=splits)
    with pytest.raises(PldError, match=r"the packed corpus .* is damaged"):
        pieces(dataclasses.replace(parts, store=store))


def test_files_hold_the_stream_and_its_words(parts, tmp_path):
    made = pieces(parts, seconds=30, seed=2)
    spoken = write_stream(tmp_path / "s.wav", made, sample_rate_hz=parts.store.sample_rate_hz)
    np.testing.assert_array_equal(
        read_wav(tmp_path / "s.wav"), np.concatenate([p.samples for p in made])
    )
    assert spoken == [p.spoken for p in made if p.spoken]
    back = read_words(tmp_path / "s.csv")
    assert [word.word for word in back] == [word.word for word in spoken]
    for one, other in zip(back, spoken, strict=True):
        assert one.start_s == pytest.approx(other.start_s, abs=0.0005001)
        assert one.end_s == pytest.approx(other.end_s, abs=0.0005001)
    assert sorted(path.name for path in tmp_path.iterdir()) == [LIST_NAME, "s.csv", "s.wav"]


def test_a_folder_that_is_not_there_is_told(parts, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such file .*no/s\.wav'$"):
        write_stream(tmp_path / "no" / "s.wav", pieces(parts, seconds=1), sample_rate_hz=16000)


def test_a_failed_stream_leaves_no_file(parts, tmp_path):
    (tmp_path / "s.wav").write_bytes(b"old")
    record_files([tmp_path / "s.wav"])

    def broken():
        yield from pieces(parts, seconds=2)
        raise PldError("broken")

    with pytest.raises(PldError, match="broken"):
        write_stream(tmp_path / "s.wav", broken(), sample_rate_hz=16000)
    assert (tmp_path / "s.wav").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [LIST_NAME, "s.wav"]


def test_words_are_read_without_tensorflow():
    code = "import sys, pld_tf.bridge.detection_report; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


HEAD = "word,start_s,end_s\n"


def test_words_written_by_hand_are_read(tmp_path):
    path = tmp_path / "w.csv"
    path.write_text(HEAD + '"né, ja",0,0\nno,1.5,2\nno,1.5,3\n', "utf-8")
    assert read_words(path) == [
        Spoken(word="né, ja", start_s=0, end_s=0),
        Spoken(word="no", start_s=1.5, end_s=2),
        Spoken(word="no", start_s=1.5, end_s=3),
    ]


@pytest.mark.parametrize(
    ("mark", "encoding", "separator", "line_end"),
    [
        ("\ufeff", "utf-8", ",", "\r\n"),
        ("\ufeff", "utf-16-le", "\t", "\r\n"),
        ("", "utf-8", ";", "\r"),
    ],
)
def test_words_of_a_spreadsheet_are_read(tmp_path, mark, encoding, separator, line_end):
    rows = [
        ["Word", "start_s ", "end_s"],
        ["", "", ""],
        ["ne\u0301 ", "1,5" if separator == ";" else "1.5", "2"],
    ]
    text = mark + "".join(separator.join(row) + line_end for row in rows)
    (tmp_path / "w.csv").write_bytes(text.encode(encoding))
    assert read_words(tmp_path / "w.csv") == [Spoken(word="n\u00e9", start_s=1.5, end_s=2)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must begin with the line word,start_s,end_s"),
        (b"yes,1,2\n", "must begin with the line"),
        (b"word,start_s,end_s\nyes,1\n", r"w\.csv:2 must hold a word .* got 'yes,1'"),
        (b"word,start_s,end_s\nyes,1,2,3\n", r"w\.csv, line 2: expected 3 cells .*, got 4"),
        (b"word,start_s,end_s\nyes,soon,2\n", r"w\.csv:2 must hold a word"),
        (b"word,start_s,end_s\nyes,2,1\n", r"w\.csv:2 must hold a word"),
        (b"word,start_s,end_s\nyes,-1,1\n", r"w\.csv:2 must hold a word"),
        (b"word,start_s,end_s\nyes,nan,1\n", r"w\.csv:2 must hold a word"),
        (b"word,start_s,end_s\nyes,1,inf\n", r"w\.csv:2 must hold a word"),
        (b"word,start_s,end_s\nyes,3,4\nno,2,5\n", r"w\.csv:3 must hold a word"),
        (b"word,start_s,end_s\n\nyes,2,1\n", r"w\.csv:3 must hold a word"),
        (b"word,start_s,end_s\nn\xe9,1,2\n", r"w\.csv, line 2: expected UTF-8 text"),
    ],
)
def test_words_that_are_none_are_refused(tmp_path, content, message):
    path = tmp_path / "w.csv"
    path.write_bytes(content)
    with pytest.raises(PldError, match=message) as error:
        read_words(path)
    assert "\n" not in str(error.value)


def test_no_words_file_is_told(tmp_path):
    with pytest.raises(PldError, match=r"the words .*w\.csv can't be read: No such file"):
        read_words(tmp_path / "w.csv")


def test_the_command_writes_both_files(pld, corpus_root, tmp_path):
    from stub_bundle import compiler

    compiler()
    bundle = listening_bundle.write(tmp_path / "bundle")
    out = tmp_path / "s.wav"
    code, said, err = pld(
        "data", "stream", out, "--bundle", bundle, "--data", corpus_root, "--seconds", 20
    )
    assert code == 0, err
    rows = list(csv.reader(out.with_suffix(".csv").read_text().splitlines()))
    when = out.with_suffix(".csv")
    assert said == f"{out}: {len(rows) - 1} words in up to 20 s; when: {when}\n"
    assert len(read_wav(out)) == 20 * listening_bundle.SPEC["sample_rate_hz"]
    assert {row[0] for row in rows[1:]} <= set(tiny_corpus.COUNTS["test"])


@pytest.mark.parametrize("name", ["s.wav", "s.csv"])
def test_a_stream_replaces_its_own_files_and_no_others(parts, tmp_path, name):
    def write():
        return write_stream(
            tmp_path / "s.wav", stream(parts, seconds=2, seed=1), sample_rate_hz=4000
        )

    write()
    write()
    (tmp_path / name).write_bytes(b"a recording of the user")
    other = {"s.wav": "s.csv", "s.csv": "s.wav"}[name]
    before = (tmp_path / other).read_bytes()
    with pytest.raises(PldError, match=rf"{name} exists, .* or give another OUT.wav"):
        write()
    assert (tmp_path / name).read_bytes() == b"a recording of the user"
    assert (tmp_path / other).read_bytes() == before


def test_a_file_of_the_user_with_the_name_of_an_unfinished_one_stays(parts, tmp_path):
    for name in ("s.wav.tmp", "s.csv.tmp"):
        (tmp_path / name).write_text("mine")
    write_stream(tmp_path / "s.wav", stream(parts, seconds=2, seed=1), sample_rate_hz=4000)
    assert (tmp_path / "s.wav.tmp").read_text() == (tmp_path / "s.csv.tmp").read_text() == "mine"
