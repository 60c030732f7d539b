"""Clips behind a confusion matrix: which ones, and that they sound and look as they are."""

import base64
import io

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread
from tiny_corpus import RATE, SPEC, read_wav

from pld_tf.data.held_out import held_out
from pld_tf.evaluation.score import Scored
from pld_tf.report.clips import MOST_RIGHT, MOST_WRONG, _in_turn, _members, cells
from pld_tf.report.picture import mel_picture


@pytest.fixture(scope="module")
def clips(store, classes):
    return held_out(store, classes, "validation")


@pytest.fixture(scope="module")
def scored(clips):
    """Every clip is taken for yes, with probabilities from 0.4 upwards."""
    sure = np.linspace(0.4, 0.9, len(clips))
    others = np.repeat((1 - sure)[:, None] / 3, 3, axis=1)
    return Scored(
        protocols={},
        loudest_ms=clips.loudest_ms(500),
        probabilities=np.concatenate([sure[:, None], others], axis=1),
    )


def shown(clips, classes, scored, budget=10**6):
    return cells(clips, classes, scored, spec=SPEC, length_ms=500, budget=budget)


def test_cells_count_all_clips_and_show_some(clips, classes, scored):
    """3 clips each of yes, no, unknown and silence; of right ones two are shown."""
    found = shown(clips, classes, scored)
    assert [(cell.label, cell.prediction, cell.count, len(cell.clips)) for cell in found] == [
        (0, 0, 3, 2), (1, 0, 3, 3), (2, 0, 3, 3), (3, 0, 3, 3),
    ]  # fmt: skip


def test_wrong_clips_come_surest_first_and_right_ones_least_sure_first(clips, classes, scored):
    for cell in shown(clips, classes, scored):
        sureness = [clip.shares[0][1] for clip in cell.clips]
        assert sureness == sorted(sureness, reverse=cell.label != cell.prediction)


def test_a_clip_sounds_as_it_was_recorded(clips, classes, scored, corpus_root):
    for cell in shown(clips, classes, scored)[:3]:
        for clip in cell.clips:
            samples, rate = soundfile.read(io.BytesIO(base64.b64decode(clip.audio)), dtype="int16")
            assert rate == RATE
            np.testing.assert_array_equal(samples, read_wav(corpus_root / clip.name))


def test_a_clip_names_its_likeliest_classes_and_the_part_that_was_given(clips, classes, scored):
    clip = shown(clips, classes, scored)[1].clips[0]
    assert [name for name, _ in clip.shares] == ["yes", "no", "unknown"]
    place = [path.decode() for path in clips.paths()].index(clip.name)
    assert (clip.start_ms, clip.length_ms) == (int(scored.loudest_ms[place]), 500)


def test_the_same_clips_have_the_same_bytes(clips, classes, scored):
    assert shown(clips, classes, scored) == shown(clips, classes, scored)


def test_silence_has_no_recording(clips, classes, scored):
    assert {clip.name for clip in shown(clips, classes, scored)[3].clips} == {"background noise"}


def test_a_small_budget_shows_a_clip_of_each_mistake_first(clips, classes, scored):
    whole = shown(clips, classes, scored)
    firsts = [cell.clips[0] for cell in whole if cell.label != cell.prediction]
    budget = sum(len(clip.audio) + len(clip.picture) for clip in firsts)
    few = shown(clips, classes, scored, budget)
    assert [len(cell.clips) for cell in few] == [0, 1, 1, 1]
    assert [len(cell.clips) for cell in shown(clips, classes, scored, budget - 1)] == [0, 1, 1, 0]


def test_no_cell_shows_more_than_its_share():
    labels = np.repeat([0, 1], 20)
    probabilities = np.tile([0.7, 0.3], (40, 1))
    members = _members(labels, np.zeros(40, int), probabilities)
    assert (len(members[0, 0]), len(members[1, 0])) == (MOST_RIGHT, MOST_WRONG)
    assert _in_turn(members)[0] in members[1, 0]


def test_a_picture_has_time_to_the_right_and_high_frequencies_on_top():
    features = np.zeros((3, 2), np.float32)
    features[2, 1] = 1  # the last frame, the upper bin
    pixels = imread(io.BytesIO(mel_picture(features)), format="png")[..., :3].sum(axis=2)
    assert pixels.shape == (2, 3)
    assert np.unravel_index(pixels.argmax(), pixels.shape) == (0, 2)


def test_a_picture_of_nothing_but_one_value_can_be_drawn():
    assert mel_picture(np.zeros((3, 2), np.float32)).startswith(b"\x89PNG")
