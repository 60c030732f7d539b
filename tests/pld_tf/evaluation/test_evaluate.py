import json
import shutil

import numpy as np
import pytest
import tiny_run

from pld_tf.data.corpus.classes import find_classes
from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.held_out import HeldOut, held_out
from pld_tf.data.store.pack import open_store
from pld_tf.errors import PldError
from pld_tf.evaluation.evaluate import evaluate
from pld_tf.evaluation.protocol_report import _by_distance, accuracy_with_interval
from pld_tf.evaluation.protocols import decide, protocol_starts
from pld_tf.evaluation.text import evaluation_text

pytestmark = pytest.mark.usefixtures("tiny_cache")


@pytest.fixture(scope="module")
def report(tiny):
    """The last rung's report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLD_TF_CACHE", str(tiny / "cache"))
        return evaluate_tiny(tiny)


def evaluate_tiny(tiny, *, data: str = "tones", **options):
    return evaluate(tiny / "run", data=tiny / data, say=lambda line: None, **options)


# Two clips, three crops each, two classes.
LOGITS = np.array([[[2, 0], [0, 1], [0, 1]], [[0, 3], [9, 0], [0, 3]]], np.float32)


def test_each_crop_of_a_clip_is_a_decision_of_its_own():
    predictions, labels = decide(LOGITS, np.array([0, 1], np.int32), "random")
    assert predictions.tolist() == [0, 1, 1, 1, 0, 1]
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_a_sliding_clip_is_decided_by_its_mean_probability():
    """Mean probabilities of class 0: (0.88 + 0.27 + 0.27) / 3 and (0.05 + 1 + 0.05) / 3.

    Mean logits would give class 0 for both, most votes class 1 for both.
    """
    predictions, labels = decide(LOGITS, np.array([0, 1], np.int32), "sliding")
    assert predictions.tolist() == [1, 1]
    assert labels.tolist() == [0, 1]


def test_one_loud_crop_outweighs_two_that_hesitate():
    """Mean probability of class 0: (1.00 + 0.40 + 0.40) / 3 = 0.6, though two of three say 1."""
    logits = np.log([[[0.999, 0.001], [0.4, 0.6], [0.4, 0.6]]])
    assert decide(logits, np.array([0]), "sliding")[0].tolist() == [0]


def test_crops_of_one_clip_do_not_narrow_the_interval():
    """81 of 263 gives 0.2553 to 0.3662: Newcombe 1998, table I, method 3."""
    right = np.repeat(np.arange(263) < 81, 5)
    values = accuracy_with_interval(right, clips=263)
    assert values["accuracy"] == pytest.approx(81 / 263)
    assert (round(values["low"], 4), round(values["high"], 4)) == (0.2553, 0.3662)
    assert values["decisions"] == 5 * 263


def test_accuracy_by_distance_in_bins_of_50_ms():
    right = np.array([True, False, True, True])
    rows = _by_distance(np.array([0, 49, 50, 140]), right)
    assert rows == [
        {"from_ms": 0, "to_ms": 50, "crops": 2, "accuracy": 0.5},
        {"from_ms": 50, "to_ms": 100, "crops": 1, "accuracy": 1.0},
        {"from_ms": 100, "to_ms": 150, "crops": 1, "accuracy": 1.0},
    ]


def test_the_report_covers_four_protocols_and_adds_up(report):
    decisions = {name: values["decisions"] for name, values in report["protocols"].items()}
    # 4 test clips of each of 3 tones, and silence; five random crops of each.
    assert report["clips"] == 16
    assert report["recordings"] == {
        "of_keywords": 8, "keywords": 2, "all_keywords": 2, "of_other_words": 4, "speakers": 4,
    }  # fmt: skip
    assert decisions == {"centre": 16, "random": 80, "loudest": 16, "sliding": 16}
    for values in report["protocols"].values():
        confusion = np.array(values["confusion"])
        assert confusion.sum() == values["decisions"]
        assert np.trace(confusion) / confusion.sum() == pytest.approx(values["accuracy"])
        assert values["low"] <= values["accuracy"] <= values["high"]
        assert list(values["recall"]) == report["classes"] == ["one", "two", "unknown", "silence"]


def test_the_position_of_silence_is_not_counted(report):
    rows = report["protocols"]["random"]["by_distance_ms"]
    assert sum(row["crops"] for row in rows) == 12 * 5


def test_the_report_is_json_without_nan(report):
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_validation_accuracy_is_what_the_rung_was_chosen_by(tiny):
    report = evaluate_tiny(tiny, split="validation", rung=0)
    (metrics,) = tiny_run.file_bytes(tiny / "run", "rungs/0-*/metrics.json").values()
    chosen = json.loads(metrics)["student_accuracy"]
    assert report["length_ms"] == 1000
    assert report["protocols"]["loudest"]["accuracy"] == pytest.approx(chosen)


def test_the_text_shows_every_table(report):
    text = evaluation_text(report)
    for title in (
        "rung 1 (500 ms), 4,130 parameters",
        "16 test clips from 8 recordings of 2 of 2 keywords and 4 of other words, 4 speakers",
        "95 % interval",
        "precision",
        "confusion",
    ):
        assert title in text
    accuracy = report["protocols"]["sliding"]["accuracy"]
    assert f"sliding   {f'{100 * accuracy:.1f} %':>8}  " in text
    crops = report["protocols"]["random"]["by_distance_ms"][0]["crops"]
    assert "\n   0 to 50 ms" in text
    assert f"{crops} crops" in text


def test_a_class_never_predicted_has_no_precision_and_the_text_says_none(report):
    values = report["protocols"]["loudest"] | {"precision": dict.fromkeys(report["classes"])}
    text = evaluation_text(report | {"protocols": report["protocols"] | {"loudest": values}})
    assert text.count("none") == 4


def test_of_many_classes_the_most_confused_pairs_are_shown(report):
    names = [f"word{number:02d}" for number in range(40)]
    confusion = np.diag([10] * 40)
    confusion[3, 7], confusion[8, 2] = 5, 30
    loudest = report["protocols"]["loudest"] | {
        "confusion": confusion.tolist(),
        "precision": dict.fromkeys(names, 0.5),
        "recall": dict.fromkeys(names, 0.5),
    }
    many = {"classes": names, "protocols": report["protocols"] | {"loudest": loudest}}
    text = evaluation_text(report | many)
    assert max(map(len, text.splitlines()[1:])) < 80
    start = text.index("confusion")
    assert text[start:].splitlines()[:4] == [
        "confusion (loudest): 2 of 2 pairs; --json has the matrix",
        "right   predicted  clips  of its class",
        "word08  word02        30        75.0 %",
        "word03  word07         5        33.3 %",
    ]


@pytest.mark.parametrize("rung", [-1, 2])
def test_a_rung_that_is_not_there_is_refused(tiny, rung):
    with pytest.raises(PldError, match=rf"--rung must be 0 to 1 .*, got {rung}"):
        evaluate_tiny(tiny, rung=rung)


def test_other_data_without_lists_is_tested_whole_but_for_known_clips(tiny, tmp_path):
    """Of four clips of "one", one is of training, and none says "two"."""
    (tmp_path / "one").mkdir()
    for number in range(4):
        name = f"{'train' if number == 3 else 'test'}{number:02d}_nohash_0.wav"
        shutil.copy(tiny / "tones" / "one" / name, tmp_path / "one" / f"own{number}.wav")
    said = []
    report = evaluate(tiny / "run", data=tmp_path, say=said.append)
    assert report["other_data"]["clips"] == 4
    assert report["other_data"]["known_clips"] == 1
    assert report["other_data"]["missing_keywords"] == ["two"]
    assert report["other_data"]["notes"] == said[-2:]
    assert report["clips"] == 3 + 3  # as many silences
    for values in report["protocols"].values():
        confusion = np.array(values["confusion"])
        assert confusion.sum(axis=1).tolist() == [
            n * values["decisions"] // 6 for n in (3, 0, 0, 3)
        ]
        assert np.trace(confusion) / confusion.sum() == pytest.approx(values["accuracy"])
        assert values["recall"]["two"] is None
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert f"6 test clips of other data ({tmp_path})" in evaluation_text(report)


def test_the_same_clips_in_another_folder_have_the_same_decisions(tiny, report, tmp_path):
    """Without lists and under other names: all that is left is what was the test split."""
    for word in tiny_run.WORDS:
        (tmp_path / word).mkdir()
        for path in (tiny / "tones" / word).iterdir():
            shutil.copy(path, tmp_path / word / f"{word}-{path.name}")
    other = evaluate(tiny / "run", data=tmp_path, say=lambda line: None)
    assert other["other_data"]["known_clips"] == 3 * 16
    for protocol in ("centre", "loudest", "sliding"):
        matrices = [each["protocols"][protocol]["confusion"] for each in (other, report)]
        assert matrices[0] == matrices[1]


@pytest.fixture
def clips(tiny, tmp_path) -> HeldOut:
    """Test clips of a store that no other test has."""
    recipe = tiny_run.make_recipe()
    store = open_store(find_corpus(tiny / "tones"), sample_rate_hz=4000, cache=tmp_path)
    return held_out(store, find_classes(recipe.words, store.words), "test")


def test_the_random_crops_are_stored_and_read_again(clips, monkeypatch):
    first = protocol_starts(clips, "random", 500)
    assert first.shape == (16, 5)
    assert first.min() >= 0
    assert first.max() <= 500
    (stored,) = clips.store.folder.glob("random-crops-test-*-500ms-*.npz")
    np.savez(stored, starts_ms=first + 1)
    np.testing.assert_array_equal(protocol_starts(clips, "random", 500), first + 1)


def test_each_length_has_its_own_random_crops(clips):
    protocol_starts(clips, "random", 500)
    assert protocol_starts(clips, "random", 900).max() <= 100


def test_other_protocols_store_nothing(clips):
    before = sorted(clips.store.folder.iterdir())
    assert protocol_starts(clips, "sliding", 500)[0].tolist() == list(range(0, 481, 60))
    assert protocol_starts(clips, "centre", 500).tolist() == [[250]] * 16
    assert sorted(clips.store.folder.iterdir()) == before
