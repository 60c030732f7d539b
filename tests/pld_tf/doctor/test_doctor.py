"""The data doctor on files made to be wrong in one way each."""

import csv
import json
import shutil
from functools import partial
from pathlib import Path

import audio_files
import numpy as np
import pytest
import tiny_run
from command_line import refusal
from hypothesis import given
from hypothesis import strategies as st
from tiny_corpus import clip_audio, write_wav

from export.errors import ExportError
from pld_tf.bridge.run_judge import run_judge
from pld_tf.data.audio.digest import content_digest
from pld_tf.data.corpus.corpus import Clip
from pld_tf.doctor import checks
from pld_tf.doctor.copies import Copies
from pld_tf.doctor.doctor import doctor
from pld_tf.doctor.findings import REASONS, Report, report_json, report_text
from pld_tf.doctor.speakers import shared_speakers
from pld_tf.errors import PldError

RATE = 16000


def diagnose(root: Path, *, with_run=None, confidence=0.9, short_ms=500) -> Report:
    judge = partial(run_judge, with_run, confidence=confidence) if with_run else None
    return doctor(root, make_judge=judge, short_ms=short_ms)


def reasons(report: Report) -> dict[str, set[str]]:
    return {name: {f.path for f in group} for name, group in report.by_reason().items()}


def word(length_ms: int = 1000, *, start_ms: int = 300, rate: int = RATE) -> np.ndarray:
    """200 ms of loud noise in faint noise, below full scale."""
    rng = np.random.default_rng(length_ms + start_ms)
    samples = rng.normal(scale=30, size=length_ms * rate // 1000)
    start = start_ms * rate // 1000
    samples[start : start + rate // 5] *= 100
    return np.rint(samples).clip(-32000, 32000).astype(np.int16)


def faults(samples: np.ndarray, short_ms: int = 500) -> dict[str, str]:
    return dict(checks.sound_faults(samples, RATE, short_ms=short_ms))


def test_a_plain_word_has_no_fault():
    assert faults(word()) == {}


@pytest.mark.parametrize(("length_ms", "is_short"), [(499, True), (500, False)])
def test_a_clip_below_the_limit_is_short(length_ms, is_short):
    assert ("short" in faults(word(length_ms, start_ms=100))) == is_short


@pytest.mark.parametrize(("peak", "is_silent"), [(99, True), (-99, True), (100, False), (0, True)])
def test_a_peak_below_100_is_near_silent(peak, is_silent):
    samples = np.zeros(RATE, np.int16)
    samples[RATE // 2] = peak
    assert ("near_silent" in faults(samples)) == is_silent


def test_the_loudest_negative_sample_has_a_peak_of_its_own():
    """abs(-32768) does not fit 16 bits: taken there, such a clip would count as silent."""
    samples = np.zeros(RATE, np.int16)
    samples[5] = -32768
    assert "near_silent" not in faults(samples)


@pytest.mark.parametrize("limit", [32767, -32768])
def test_a_thousandth_at_full_scale_is_clipped_and_less_is_a_peak(limit):
    samples = word()
    samples[4000:4030:2] = limit  # 15 of 16,000, none beside another
    assert "clipped" not in faults(samples)
    samples[4030] = limit
    assert faults(samples)["clipped"] == "0.10 % of samples at full scale, up to 1 in a row"


def test_eight_samples_in_a_row_at_full_scale_are_clipped():
    samples = word()
    samples[4000:4007] = 32767
    assert "clipped" not in faults(samples)
    samples[4007] = -32768
    assert faults(samples)["clipped"].endswith("up to 8 in a row")


@given(st.lists(st.booleans()))
def test_the_longest_run_is_the_longest_piece_between_falses(flags):
    text = "".join("x" if flag else " " for flag in flags)
    longest = max((len(piece) for piece in text.split()), default=0)
    assert checks.longest_run(np.array(flags, bool)) == longest


def energies(start_db: float, end_db: float, word_db: float = 0, quiet_db: float = -60):
    """A second whose word of 200 ms stands in its middle, over a quiet ground."""
    levels = np.full(100, float(quiet_db))
    levels[40:60], levels[:2], levels[-2:] = word_db, start_db, end_db
    return 10 ** (9 + levels / 10)


@pytest.mark.parametrize(
    ("start_db", "end_db", "sides"),
    [
        (-60, -60, []),
        (-5, -60, ["start 5 dB below the word"]),
        (-60, -5, ["end 5 dB below the word"]),
        (0, -3, ["start 0 dB below the word", "end 3 dB below the word"]),
        (-7, -7, []),
    ],
)
def test_an_end_nearly_as_loud_as_the_word_is_cut_off(start_db, end_db, sides):
    assert checks.cut_sides(energies(start_db, end_db)) == sides


def test_a_clip_that_is_loud_all_over_is_noise_and_not_cut_off():
    assert checks.cut_sides(energies(-5, -5, quiet_db=-10)) == []
    assert checks.cut_sides(energies(-5, -5, quiet_db=-25)) != []


def test_a_clip_too_short_to_have_ends_is_not_cut_off():
    assert checks.cut_sides(np.full(3, 1e9)) == []


def test_a_word_at_the_edge_is_found_in_its_samples():
    assert "cut_off" in faults(word(start_ms=800))
    assert "cut_off" in faults(word(start_ms=0))


@given(st.lists(st.integers(-5, 5)), st.integers(0, 9), st.integers(0, 9))
def test_zeros_at_the_ends_change_no_content(samples, before, after):
    clip = np.array(samples, np.int16)
    padded = np.pad(clip, (before, after))
    assert content_digest(padded, RATE) == content_digest(clip, RATE)


def test_content_is_rate_and_samples_and_silence_has_none():
    clip = np.array([1, 0, 2], np.int16)
    others = [(np.array([1, 2], np.int16), RATE), (np.array([1, 0, 3], np.int16), RATE)]
    digests = {content_digest(clip, RATE), content_digest(clip, 8000)}
    assert len(digests | {content_digest(*other) for other in others}) == 4
    assert content_digest(np.zeros(9, np.int16), RATE) is None


def clip(path: str, split: str = "train", speaker: str | None = None) -> Clip:
    return Clip(path=path, word=path.split("/")[0], speaker=speaker, split=split)


def copies(*clips: tuple[Clip, bytes]) -> list[tuple[str, str, str]]:
    """Findings when all of them sound the same; the bytes are the digest of a file."""
    groups = Copies()
    for member, digest in clips:
        groups.add(member, file_digest=digest, content=b"same")
    return [(f.path, f.reason, f.detail) for f in groups.findings()]


def test_one_copy_stays_and_the_others_say_what_they_share():
    assert copies((clip("a/2"), b"x"), (clip("a/1"), b"x"), (clip("a/3"), b"y")) == [
        ("a/2", "byte_duplicate", "as a/1"),
        ("a/3", "content_duplicate", "as a/1"),
    ]


def test_a_clip_of_the_test_is_the_copy_that_stays():
    assert copies((clip("a/1"), b"x"), (clip("a/2", "test"), b"x")) == [
        ("a/1", "byte_duplicate", "as a/2"),
        ("a/1", "duplicate_in_two_splits", "as a/2 (test)"),
    ]


def test_of_copies_under_two_words_none_is_spared():
    found = copies((clip("no/1"), b"x"), (clip("yes/1"), b"x"))
    two_words = {path for path, reason, _ in found if reason == "duplicate_two_words"}
    assert two_words == {"no/1", "yes/1"}


def test_the_fewer_clips_of_a_shared_speaker_are_found():
    clips = [
        *(clip(f"a/{n}", "train", "ann") for n in range(2)),
        clip("b/0", "test", "ann"),
        clip("c/0", "test", "ben"),
        clip("d/0", "train", None),
        clip("d/1", "test", None),
    ]
    (found,) = shared_speakers(clips)
    assert (found.path, found.detail) == ("b/0", "speaker ann has 2 clip(s) in train")


@pytest.fixture(scope="module")
def sick(tmp_path_factory) -> Path:
    """One clip for each reason but `disputed`, beside four that are well."""
    root = tmp_path_factory.mktemp("sick")
    for number in range(4):
        write_wav(root / f"yes/s{number}_nohash_0.wav", word(start_ms=300 + number), RATE)
    write_wav(root / "yes/short_nohash_0.wav", word(400, start_ms=100), RATE)
    write_wav(root / "yes/silent_nohash_0.wav", word() // 100, RATE)
    write_wav(root / "yes/faint_nohash_0.wav", word(start_ms=302) // 15, RATE)
    shout = np.where(np.abs(word(start_ms=303)) > 300, 32000, 0) * np.sign(word(start_ms=303))
    write_wav(root / "yes/shout_nohash_0.wav", shout.astype(np.int16), RATE)
    write_wav(root / "yes/cut_nohash_0.wav", word(start_ms=800), RATE)
    write_wav(root / "yes/hum_nohash_0.wav", np.arange(RATE) % 50 * 40, RATE)
    loud = word(start_ms=200)
    loud[4000:4020] = 32767
    write_wav(root / "yes/loud_nohash_0.wav", loud, RATE)
    write_wav(root / "yes/rate_nohash_0.wav", word(start_ms=310, rate=22050), 22050)
    (root / "yes/text_nohash_0.wav").write_text("not audio")
    (root / "yes/empty_nohash_0.mp3").write_bytes(b"")
    shutil.copy(root / "yes/s0_nohash_0.wav", root / "yes/s0_nohash_1.wav")
    samples = np.pad(word(start_ms=301), (80, 0))
    (root / "yes/s1_nohash_1.flac").write_bytes(audio_files.flac(samples[:, None], RATE))
    (root / "no").mkdir()
    shutil.copy(root / "yes/s2_nohash_0.wav", root / "no/s2_nohash_0.wav")
    shutil.copy(root / "yes/s3_nohash_0.wav", root / "yes/other_nohash_0.wav")
    write_wav(root / "no/s1_nohash_9.wav", word(start_ms=420), RATE)
    write_wav(root / "no/nameless.wav", word(start_ms=430), RATE)
    (root / "testing_list.txt").write_text("yes/other_nohash_0.wav\nno/s1_nohash_9.wav\n")
    return root


FOUND = {
    "unreadable": {"yes/text_nohash_0.wav", "yes/empty_nohash_0.mp3"},
    "short": {"yes/short_nohash_0.wav"},
    "near_silent": {"yes/silent_nohash_0.wav"},
    "no_word": {"yes/hum_nohash_0.wav"},
    "quiet": {"yes/faint_nohash_0.wav"},
    "loud": {"yes/shout_nohash_0.wav"},
    "cut_off": {"yes/cut_nohash_0.wav"},
    "clipped": {"yes/loud_nohash_0.wav"},
    "wrong_rate": {"yes/rate_nohash_0.wav"},
    "byte_duplicate": {"yes/s0_nohash_1.wav", "yes/s2_nohash_0.wav", "yes/s3_nohash_0.wav"},
    "content_duplicate": {"yes/s1_nohash_1.flac"},
    "duplicate_in_two_splits": {"yes/s3_nohash_0.wav"},
    "duplicate_two_words": {"no/s2_nohash_0.wav", "yes/s2_nohash_0.wav"},
    "speaker_in_two_splits": {"no/s1_nohash_9.wav"},
}


def test_the_faults_made_here_are_all_the_reasons_but_the_one_that_takes_a_run():
    assert set(FOUND) == set(REASONS) - {"disputed"}


def contents(root: Path) -> dict[str, bytes]:
    return tiny_run.file_bytes(root, "**/*.*")


def test_every_fault_is_found_where_it_is_and_nowhere_else_and_nothing_changes(sick):
    before = contents(sick)
    report = diagnose(sick)
    assert reasons(report) == FOUND
    assert report.clips == 20
    assert contents(sick) == before


def test_findings_stand_worst_first_and_then_by_path(sick):
    found = diagnose(sick).findings
    weight = list(REASONS).index
    assert list(found) == sorted(found, key=lambda f: (weight(f.reason), f.path))


def test_notes_tell_of_padding_nameless_speakers_and_labels_not_checked(sick):
    notes = "\n".join(diagnose(sick).notes)
    assert "1 clips are shorter than a second" in notes
    assert "--with RUN" in notes


def test_noise_without_a_word_stands_out_by_less_than_3_db():
    noise = np.random.default_rng(0).normal(scale=1000, size=RATE)
    assert list(faults(noise.astype(np.int16))) == ["no_word"]
    assert faults(word()) == {}


def test_the_limit_of_short_can_be_chosen(sick):
    assert "short" not in reasons(diagnose(sick, short_ms=400))


def test_a_file_that_goes_away_while_it_is_looked_at_is_unreadable(sick, tmp_path, monkeypatch):
    root = tmp_path / "data"
    shutil.copytree(sick, root)

    def gone(path: Path) -> bytes:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("pld_tf.doctor.examine.read_file", gone)
    (found, *_) = diagnose(root).by_reason()["unreadable"]
    assert found.path == "no/nameless.wav"
    assert found.detail == "can't be opened (No such file or directory)"


def test_a_corpus_without_faults_says_so(tmp_path):
    write_wav(tmp_path / "yes/a_nohash_0.wav", word(), RATE)
    report = diagnose(tmp_path)
    assert report.findings == ()
    assert "Nothing was found." in report_text(report)
    assert report_json(report)["findings"] == {}


@pytest.fixture
def mislabelled(tiny, tmp_path) -> Path:
    """The tiny corpus with a `one` filed under `two`, and a word that the run knows as unknown."""
    root = tmp_path / "mislabelled"
    shutil.copytree(tiny / "tones", root)
    (root / "one/train00_nohash_0.wav").rename(root / "two/moved_nohash_0.wav")
    return root


def test_a_run_disputes_a_clip_filed_under_another_word(tiny, mislabelled, monkeypatch):
    """The tiny run is not trained enough to be sure, so its logits are replaced by a rule."""
    import tensorflow as tf

    def by_tone(features: tf.Tensor) -> tf.Tensor:
        level = tf.reduce_mean(tf.square(features[..., 0] + 5.0), axis=1)
        loudest = tf.argmax(level, axis=1)
        classes = tf.where(loudest < 4, 0, tf.where(loudest < 7, 1, 2))
        return 10 * tf.one_hot(classes, 4)

    monkeypatch.setattr("pld_tf.bridge.run_judge._batched", lambda one, frames, bins: by_tone)
    report = diagnose(mislabelled, with_run=tiny / "run")
    assert reasons(report)["disputed"] == {"two/moved_nohash_0.wav"}
    (found,) = report.by_reason()["disputed"]
    assert found.detail == "model says one, 1.000"
    assert report.limits["sample_rate_hz"] == 4000


@pytest.mark.slow
def test_what_a_run_disputes_is_what_its_first_rung_says_of_whole_clips(tiny):
    """The oracle is the rung itself, loaded with its weights and asked for one clip at a time."""
    from pld_tf.data.corpus.classes import find_classes
    from pld_tf.data.corpus.corpus import find_corpus
    from pld_tf.data.store.pack import open_store
    from pld_tf.distill.ladder import Ladder
    from pld_tf.features.log_mel import log_mel
    from pld_tf.metrics.probabilities import softmax
    from pld_tf.run.folder import read_run

    run = read_run(tiny / "run")
    corpus = find_corpus(tiny / "tones")
    store = open_store(corpus, sample_rate_hz=4000, cache=tiny / "cache")
    ladder = Ladder(recipe=run.recipe, store=store, run_dir=run.folder, seed=run.seed)
    student = ladder.load(0).student
    classes = find_classes(run.recipe.words, store.words)
    disputed = set()
    for each in corpus.clips:
        samples = np.frombuffer((corpus.root / each.path).read_bytes()[44:], "<i2")
        features = log_mel(samples[None].astype(np.float32), run.recipe.features)
        (row,) = softmax(student(features, training=False).numpy())
        if row.max() >= 0.5 and row.argmax() != classes.of_word[store.words.index(each.word)]:
            disputed.add(each.path)
    report = diagnose(tiny / "tones", with_run=tiny / "run", confidence=0.5)
    assert reasons(report).get("disputed", set()) == disputed


def test_a_run_of_other_words_is_refused(tiny, sick):
    with pytest.raises(PldError, match="knows the keywords one, two, and the data has a folder"):
        diagnose(sick, with_run=tiny / "run")


def test_a_run_without_a_bundle_of_its_first_rung_is_refused(tiny, tmp_path):
    (tmp_path / "run").mkdir()
    shutil.copy(tiny / "run/run.json", tmp_path / "run")
    with pytest.raises(ExportError, match="has no model bundle of rung 0"):
        diagnose(tiny / "tones", with_run=tmp_path / "run")


def test_the_command_prints_counts_with_an_example_and_writes_every_finding(pld, sick, tmp_path):
    out = tmp_path / "found.csv"
    code, said, _ = pld("doctor", sick, "--out", out)
    assert code == 0
    assert "2  unreadable: no whole recording" in said
    assert "as yes/silent_nohash_0.wav (peak" in said
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "word", "split", "reason", "detail"]
    assert {
        reason: {row["path"] for row in rows if row["reason"] == reason} for reason in FOUND
    } == FOUND


def test_the_command_prints_json_for_machines(pld, sick):
    code, said, err = pld("doctor", sick, "--json")
    assert (code, err) == (0, "")
    report = json.loads(said)
    assert {name: found["count"] for name, found in report["findings"].items()} == {
        name: len(paths) for name, paths in FOUND.items()
    }
    assert report["found"] == len(set.union(*FOUND.values()))
    assert report["limits"]["short_ms"] == 500


def test_a_list_that_can_not_be_written_is_one_line(pld, sick, tmp_path):
    said = refusal(pld("doctor", sick, "--out", tmp_path / "absent" / "x.csv"))
    assert said == (
        f"{tmp_path}/absent/x.csv: No such file or directory. There is no folder {tmp_path}/absent."
    )


def test_a_folder_without_clips_is_refused(pld, tmp_path):
    assert "expected recorded words" in refusal(pld("doctor", tmp_path))


def test_a_name_with_a_comma_and_quotes_survives_the_csv(pld, tmp_path):
    name = 'yes/a, "b"_nohash_0.wav'
    write_wav(tmp_path / "data" / name, clip_audio(name) // 1000, RATE)
    pld("doctor", tmp_path / "data", "--out", tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        assert {row["path"] for row in csv.DictReader(file)} == {name}


def test_the_csv_is_replaced_as_long_as_nobody_has_edited_it(pld, sick, tmp_path):
    out = tmp_path / "found.csv"
    for _ in range(2):
        assert pld("doctor", sick, "--out", out)[0] == 0
    out.write_text("path\nyes/kept.wav\n")
    said = refusal(pld("doctor", sick, "--out", out))
    assert "found.csv exists, and pld-tf did not write it, or it was changed since" in said
    assert out.read_text() == "path\nyes/kept.wav\n"


def test_a_csv_that_stays_is_told_before_the_clips_are_read(pld, tmp_path):
    (tmp_path / "mine.csv").write_text("mine")
    (tmp_path / "corpus" / "yes").mkdir(parents=True)
    (tmp_path / "corpus" / "yes" / "a.wav").touch()
    said = refusal(pld("doctor", tmp_path / "corpus", "--out", tmp_path / "mine.csv"))
    assert "mine.csv exists" in said
