"""Clips that a run leaves out: the list that names them, and what comes of it."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import tiny_run
from command_line import refusal, run_main
from listed_corpus import make
from tiny_store import pack, write_small_corpus

from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.corpus.excluded import read_excluded
from pld_tf.errors import PldError
from pld_tf.evaluation.evaluate import evaluate
from pld_tf.run.folder import read_run
from pld_tf.run.train import distill

pytestmark = pytest.mark.usefixtures("tiny_cache")

HEADER = "path,word,split,reason,detail\n"


@pytest.fixture
def root(tmp_path) -> Path:
    return make(tmp_path / "data", "yes/a_nohash_0.wav", "no/b, c_nohash_0.flac", "_noise/n.wav")


def read(root: Path, content: str) -> frozenset[str]:
    path = root.parent / "list"
    path.write_bytes(content.encode())
    return read_excluded(path, root)


def test_a_plain_list_is_a_path_a_line(root):
    expected = {"yes/a_nohash_0.wav", "no/b, c_nohash_0.flac"}
    assert read(root, "./yes/a_nohash_0.wav\r\n\n  no/b, c_nohash_0.flac\n") == expected


def test_a_csv_is_read_by_its_column_path_wherever_that_stands(root):
    assert read(root, 'reason,path\nshort,"no/b, c_nohash_0.flac"\n') == {"no/b, c_nohash_0.flac"}


def test_a_mark_before_the_first_letter_and_empty_rows_do_no_harm(root):
    text = "\ufeff" + HEADER + "\nyes/a_nohash_0.wav,yes,train,short,\n,,,,\n"
    assert read(root, text) == {"yes/a_nohash_0.wav"}


@pytest.mark.parametrize("text", ["", "\n", HEADER])
def test_a_list_of_nothing_excludes_nothing(root, text):
    assert read(root, text) == frozenset()


@pytest.mark.parametrize(
    "line",
    [
        "yes/b_nohash_0.wav",
        "yes",
        "_noise/n.wav",
        "yes/a_nohash_0.flac",
        "yes/" + "a" * 5000 + ".wav",
    ],
)
def test_a_line_that_names_no_clip_is_refused_with_its_number(root, line):
    with pytest.raises(PldError, match=r"list, line 2: expected a clip of .* as <word>/<file>"):
        read(root, f"yes/a_nohash_0.wav\n{line}\n")
    with pytest.raises(PldError, match=r"list, line 3: expected a clip"):
        read(root, f"{HEADER}yes/a_nohash_0.wav,yes,train,short,\n{line},,,,\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xe9", "line 1: expected UTF-8 text"), (None, "can't be read: No such file")],
)
def test_a_file_that_is_no_list_is_one_line(root, tmp_path, content, message):
    if content is not None:
        (tmp_path / "list").write_bytes(content)
    with pytest.raises(PldError, match=message):
        read_excluded(tmp_path / "list", root)


def test_a_field_without_an_end_is_one_line(root):
    with pytest.raises(PldError, match="can't be read as CSV: field larger than"):
        read(root, HEADER + '"' + "a" * 200_000)


@pytest.mark.parametrize(
    "line",
    [
        "yes\\a_nohash_0.wav",
        "../data/yes/a_nohash_0.wav",
        "/yes/a_nohash_0.wav",
        "Yes/A_nohash_0.wav",
    ],
)
def test_a_path_means_its_clip_however_it_is_written(root, line):
    assert read(root, f"# faults\n{line}\n") == {"yes/a_nohash_0.wav"}
    assert read(root, f"Path;reason\n{line};short\n") == {"yes/a_nohash_0.wav"}


def test_a_decomposed_name_excludes_the_clip_and_so_does_one_of_an_older_run(tmp_path):
    root = make(tmp_path, "yes/a_nohash_0.wav", "yes/ze\u0301_nohash_0.wav")
    assert read(root, "yes/ze\u0301_nohash_0.wav") == {"yes/z\u00e9_nohash_0.wav"}
    (left,) = find_corpus(root, excluded=frozenset({"yes/ze\u0301_nohash_0.wav"})).clips
    assert left.path == "yes/a_nohash_0.wav"


def test_an_excluded_clip_is_as_one_that_is_not_there(tmp_path):
    root = make(tmp_path, "yes/a_nohash_0.wav", "yes/b_nohash_0.wav", testing_list=[])
    with_it = find_corpus(root)
    without = find_corpus(root, excluded=frozenset({"yes/b_nohash_0.wav"}))
    assert [clip.path for clip in without.clips] == ["yes/a_nohash_0.wav"]
    assert without.fingerprint != with_it.fingerprint
    assert "1 clip(s) are excluded." in without.notes
    (root / "yes/b_nohash_0.wav").unlink()
    assert find_corpus(root).fingerprint == without.fingerprint
    # A run that excluded it can still be evaluated.
    assert find_corpus(root, excluded=frozenset({"yes/b_nohash_0.wav"})).clips == without.clips


def test_a_listed_clip_that_is_excluded_is_not_called_missing(tmp_path):
    root = make(tmp_path, "yes/a_nohash_0.wav", "yes/b_nohash_0.wav",
                testing_list=["yes/b_nohash_0.wav"], validation_list=[])  # fmt: skip
    notes = find_corpus(root, excluded=frozenset({"yes/b_nohash_0.wav"})).notes
    assert notes == ("1 clip(s) are excluded.",)


def test_excluding_everything_is_refused(tmp_path):
    root = make(tmp_path, "yes/a_nohash_0.wav")
    with pytest.raises(PldError, match=r"every clip of .* is excluded"):
        find_corpus(root, excluded=frozenset({"yes/a_nohash_0.wav"}))


def test_a_speaker_in_two_splits_is_mended_by_excluding_one_side(tmp_path):
    root = make(tmp_path, "no/ann_nohash_0.wav", "yes/ann_nohash_0.wav",
                testing_list=["yes/ann_nohash_0.wav"])  # fmt: skip
    corpus = find_corpus(root, excluded=frozenset({"yes/ann_nohash_0.wav"}))
    assert [clip.split for clip in corpus.clips] == ["train"]


def test_excluded_clips_are_in_no_split_of_the_packed_corpus(tmp_path):
    root = write_small_corpus(tmp_path / "small")
    whole = pack(root, tmp_path / "cache")
    gone = {f"{word}/{number}_nohash_0.wav" for word in ("no", "yes") for number in (0, 5)} - {
        "yes/5_nohash_0.wav"
    }
    corpus = find_corpus(root, excluded=frozenset(gone))
    from pld_tf.data.store.pack import open_store

    part = open_store(corpus, sample_rate_hz=whole.sample_rate_hz, cache=tmp_path / "cache")
    packed = {path.decode() for index in part.splits.values() for path in index.paths}
    assert packed == {clip.path for clip in find_corpus(root).clips} - gone
    assert part.key != whole.key
    assert pack(root, tmp_path / "cache").key == whole.key


EXCLUDED = ("one/train00_nohash_0.wav", "one/test00_nohash_0.wav", "two/validation00_nohash_0.wav")


def pld(monkeypatch, capsys, *arguments: object) -> tuple[int, str, str]:
    code = run_main(monkeypatch, *arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.slow
def test_a_run_with_a_list_remembers_it_is_evaluated_by_it_and_refuses_another(
    tiny, tmp_path, monkeypatch, capsys
):
    """One training for several facts, because it takes seconds."""
    listed = tmp_path / "found.csv"
    with listed.open("w", newline="") as file:
        csv.writer(file).writerows([["path", "reason"], *([path, "short"] for path in EXCLUDED)])
    recipe = tiny_run.write_recipe(tmp_path / "tiny.toml", input_lengths_ms=[500], epochs=1)
    command = ["distill", recipe, "-d", tiny / "tones", "-o", tmp_path / "run"]
    code, said, _ = pld(monkeypatch, capsys, *command, "--exclude", listed)
    assert code == 0
    assert "3 clip(s) are excluded." in said
    assert read_run(tmp_path / "run").excluded == set(EXCLUDED)
    report = evaluate(tmp_path / "run", data=tiny / "tones", say=lambda line: None)
    whole = evaluate(tiny / "run", data=tiny / "tones", say=lambda line: None)
    # 3 clips of `one`, 4 of `two`, and 4 of each other class as their mean is 3.5, which rounds up.
    assert (report["clips"], whole["clips"]) == (15, 16)
    export = ["export", tmp_path / "run", "--int8", "--max-loss", 100, "-o", tmp_path / "out"]
    assert pld(monkeypatch, capsys, *export)[0] == 0
    code, said, noted = pld(
        monkeypatch, capsys, "bench", tmp_path / "out", "-d", tiny / "tones", "--json"
    )
    assert (code, json.loads(said)["accuracy"]["clips"]) == (0, 15)
    assert "is not the data" not in noted
    assert pld(monkeypatch, capsys, *command, "--exclude", listed)[0] == 0
    code, _, refused = pld(monkeypatch, capsys, *command)
    assert code == 2
    assert f"{tmp_path / 'run'} was made with 3 excluded clips, now 0 (one/test" in refused
    listed.write_text("\n".join(EXCLUDED[:2]))
    code, _, refused = pld(monkeypatch, capsys, *command, "--exclude", listed)
    assert code == 2
    assert "now 2 (two/validation00_nohash_0.wav is excluded only then)" in refused


def test_a_list_given_to_a_run_without_one_is_refused(tiny, tmp_path):
    shutil.copytree(tiny / "run", tmp_path / "run")
    with pytest.raises(PldError, match=r"0 excluded clips, now 1 \(one/train00.* only now\)"):
        distill(
            recipe=tiny_run.make_recipe(),
            recipe_name="tiny",
            data=tiny / "tones",
            run_dir=tmp_path / "run",
            seed=0,
            excluded=frozenset(EXCLUDED[:1]),
            skip_bad=False,
            say=lambda line: None,
        )


def test_a_run_of_an_earlier_version_excludes_nothing(tiny, tmp_path):
    values = json.loads((tiny / "run/run.json").read_text())
    assert values.pop("excluded") == []
    (tmp_path / "run.json").write_text(json.dumps(values))
    assert read_run(tmp_path).excluded == frozenset()


def test_a_mistyped_line_stops_the_command_before_anything_is_made(
    tiny, tmp_path, monkeypatch, capsys
):
    (tmp_path / "list").write_text("one/absent.wav\n")
    options = ["-d", tiny / "tones", "-o", tmp_path / "run", "--exclude", tmp_path / "list"]
    said = refusal(pld(monkeypatch, capsys, "distill", tiny / "tiny.toml", *options))
    assert "line 1: expected a clip of" in said
    assert not (tmp_path / "run").exists()


def test_what_the_doctor_writes_can_be_excluded_once_edited_down(
    tiny, tmp_path, monkeypatch, capsys
):
    root = tmp_path / "tones"
    shutil.copytree(tiny / "tones", root)
    shutil.copy(root / "one/train00_nohash_0.wav", root / "one/copy_nohash_0.wav")
    (root / "two/bad_nohash_0.wav").write_text("text")
    assert pld(monkeypatch, capsys, "doctor", root, "-o", tmp_path / "all.csv")[0] == 0
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = [row for row in csv.reader(file) if row[3] != "wrong_rate"]
    with (tmp_path / "some.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    excluded = read_excluded(tmp_path / "some.csv", root)
    assert excluded >= {"one/train00_nohash_0.wav", "two/bad_nohash_0.wav"}
    assert len(find_corpus(root).clips) - len(excluded) == len(
        find_corpus(root, excluded=excluded).clips
    )
