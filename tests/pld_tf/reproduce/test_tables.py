"""Figures, Markdown, CSV and plot of decisions made up by hand."""

import csv
import io
import json

import matplotlib
import numpy as np
import pytest
import tiny_reproduction as tiny

from pld_tf.evaluation.decisions import Decisions
from pld_tf.recipe.load import KEYS
from pld_tf.recipe.tables import PROTOCOLS
from pld_tf.reproduce.choices import open_choices
from pld_tf.reproduce.csv_table import COLUMNS, csv_text
from pld_tf.reproduce.plot import write_plot
from pld_tf.reproduce.tables import markdown, protocol_text, table

# Figures are made up; the ends of intervals are pinned in test_reproduce_intervals.py.
LADDERS = """\
| steps | C900 | C800         | C700 | C600 | C500 paper | C500 ours         | over direct          | over hard labels     |
|-------|------|--------------|------|------|------------|-------------------|----------------------|----------------------|
| 1     |      |              |      |      | 85.82      | 50.0 [25.0, 75.0] |                      | +12.5 [+0.0, +31.2]  |
| 2     |      | 93.81 / 75.0 |      |      | 89.22      | 62.5 [37.5, 87.5] | +12.5 [+0.0, +31.2]  | +25.0 [+6.2, +43.8]  |"""  # noqa: E501


@pytest.fixture(scope="module")
def report():
    return tiny.made_up_report(tiny.all_tested())


def cells(text: str) -> list[list[str]]:
    """Cells of the lines of a Markdown table, as they read."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_accuracies_are_means_over_clips_and_seeds():
    tested = tiny.all_tested(seeds=2)
    tested["1000-500"][1] = tiny.made_up(12)
    (direct,) = (
        row for row in tiny.made_up_report(tested, seeds=2)["direct"] if row["tested_ms"] == 500
    )
    loudest = direct["protocols"]["loudest"]
    assert loudest["mean"] == (8 + 12) / 32
    assert loudest["by_seed"] == [8 / 16, 12 / 16]
    assert direct["seeds"] == [0, 1]


def test_the_crops_of_a_clip_share_its_vote():
    right = np.array([[True, True], [True, False], [False, False]])
    decisions = Decisions(right=dict.fromkeys(PROTOCOLS, right), validation=0.0)
    assert decisions.clips("random").tolist() == [1.0, 0.5, 0.0]


def test_gains_are_paired_over_the_seeds_that_both_have():
    """Seed 0: 10 - 8 and 10 - 6 of 16 clips; seed 1 has no direct net yet."""
    tested = tiny.all_tested(seeds=2)
    del tested["1000-500"][1]
    ladder = tiny.made_up_report(tested, seeds=2)["ladders"][1]
    assert ladder["gain_over_direct"]["seeds"] == [0]
    assert ladder["gain_over_hard_labels"]["seeds"] == [0, 1]
    assert ladder["gain_over_direct"]["protocols"]["random"]["mean"] == 2 / 16
    assert ladder["gain_over_hard_labels"]["protocols"]["random"]["mean"] == 4 / 16


def test_the_best_ladder_is_chosen_by_validation_and_not_by_test():
    tested = tiny.all_tested()
    assert tiny.made_up_report(tested)["best_ladder"] == [1000, 800, 500]
    tested["1000-500"][0] = tiny.made_up(8, validation=0.99)
    assert tiny.made_up_report(tested)["best_ladder"] == [1000, 500]


def test_no_ladder_is_best_before_all_are_there():
    tested = tiny.all_tested()
    del tested["1000-800-500"]
    report = tiny.made_up_report(tested)
    assert report["best_ladder"] is None
    assert "named once all of them are trained" in markdown(report, "loudest")


def test_seeds_beyond_those_asked_for_do_not_count():
    report = tiny.made_up_report(tiny.all_tested(seeds=3), seeds=1)
    assert report["nets"] == {"tested": 8, "all": 8}
    assert report["teacher"]["seeds"] == [0]


def test_the_ladder_table_stands_as_printed(report):
    found = cells(protocol_text(report, "centre"))[:3]
    assert found == cells(LADDERS)


def test_the_direct_table_has_costs_under_each_length(report):
    by_name = {row[0]: row[1:] for row in cells(markdown(report, "loudest"))}
    assert by_name["paper"] == ["", "93.81", "85.82"]
    assert by_name["MACs"] == ["200", "160", "100"]
    assert by_name["int8 bytes"] == ["12,345", "12,345", "not yet"]
    assert [cell.split()[0] for cell in by_name["ours, sliding"]] == ["87.5", "75.0", "50.0"]


def test_the_padded_baseline_costs_what_its_long_input_costs(report):
    by_name = {row[0]: row[1:] for row in cells(protocol_text(report, "centre"))}
    assert by_name["the 1000 ms net on a zero-padded crop"][1:] == ["200", "12,345"]
    assert by_name["the any-length net directly"][1:] == ["100", "not yet"]


def test_the_markdown_shows_all_protocols_the_asked_one_first(report):
    text = markdown(report, "sliding")
    heads = [line for line in text.splitlines() if line.startswith("## Ladders")]
    assert heads == [
        f"## Ladders, {protocol} crops" for protocol in ("sliding", "centre", "random", "loudest")
    ]
    assert "8 of 8 networks tested: complete." in text
    assert "over clips (one seed)" in text
    assert "at commit abc, TensorFlow 2.17.1." in text


def test_half_a_reproduction_says_so_and_shows_what_is_there():
    tested = tiny.all_tested(seeds=2)
    del tested["1000-800-500"], tested["any-length"]
    del tested["1000-500"][1]
    report = tiny.made_up_report(tested, seeds=2)
    text = markdown(report, "loudest")
    assert "11 of 16 networks tested: half finished; the same command goes on" in text
    direct, ladder = cells(protocol_text(report, "loudest"))[1:3]
    assert direct[6].startswith("50.0 [")
    assert direct[6].endswith("] (1 of 2 seeds)")
    assert ladder[2] == "93.81 / 75.0"
    assert ladder[6:] == ["not yet", "not yet", "not yet"]


def test_a_report_of_nothing_still_makes_every_file(tmp_path):
    report = tiny.made_up_report({})
    assert "0 of 8 networks tested" in markdown(report, "loudest")
    assert len(csv_text(report).splitlines()) == 1 + 4 * (1 + 2 + 3 + 4)
    write_plot(tmp_path / "paper.png", report)
    assert (tmp_path / "paper.png").stat().st_size > 1000


def test_the_report_is_json_without_nan(report):
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_the_csv_has_a_line_for_each_network_and_protocol(report):
    lines = list(csv.DictReader(io.StringIO(csv_text(report))))
    assert tuple(lines[0]) == COLUMNS
    (last,) = (
        line
        for line in lines
        if (line["row"], line["length_ms"], line["protocol"])
        == ("1000 > 800 > 500", "500", "random")
    )
    assert (last["table"], last["paper"], last["mean"], last["seeds"]) == (
        "ladder", "89.22", "0.625", "1",
    )  # fmt: skip
    assert (last["over_direct_mean"], last["over_hard_labels_mean"]) == ("0.125", "0.25")
    assert (last["macs"], last["int8_bytes"], last["parameters"]) == ("100", "", "4000")
    (between,) = (
        line
        for line in lines
        if (line["table"], line["length_ms"], line["protocol"]) == ("ladder", "800", "centre")
    )
    assert (between["mean"], between["over_direct_mean"]) == ("0.75", "")


def test_the_plot_is_a_png_and_the_same_report_gives_the_same_bytes(report, tmp_path):
    for name in ("one.png", "two.png"):
        write_plot(tmp_path / name, report)
    one = (tmp_path / "one.png").read_bytes()
    assert one.startswith(b"\x89PNG")
    assert one == (tmp_path / "two.png").read_bytes()


def test_the_users_matplotlibrc_does_not_change_the_plot(report, tmp_path):
    write_plot(tmp_path / "one.png", report)
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red"}):
        write_plot(tmp_path / "two.png", report)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_the_plot_shows_the_figures(report, tmp_path):
    write_plot(tmp_path / "some.png", report)
    write_plot(tmp_path / "none.png", tiny.made_up_report({}))
    assert (tmp_path / "some.png").read_bytes() != (tmp_path / "none.png").read_bytes()


def test_columns_of_a_table_line_up():
    assert table(["a", "bc"], [["123", "4"]]) == "| a   | bc |\n|-----|----|\n| 123 | 4  |"


def test_each_choice_names_keys_that_a_recipe_has():
    rows = open_choices(tiny.paper_recipe(), parameters=4000, clips=16)
    named = [key for row in rows for key in row["keys"].split(", ") if not key.startswith("--")]
    for name, _, key in (path.partition(".") for path in named):
        assert name in KEYS[""]
        assert not key or key in KEYS[name] or key.isdecimal()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "tc_resnet 8, width 0.25, dropout 0.2: 4,000 parameters"),
        ({"labels": "hard"}, "hard (the teacher's first choice), 0% of the loss"),
        ({"labels": "soft"}, "temperature 1, 0% of the loss"),
        ({"teacher_input": "crop"}, "the crop as it is"),
        ({"loudest_share": 0.3, "shift_ms": 100}, "30% at the loudest part (give or take 60 ms)"),
        ({"per_clip": 4}, "4, the same ones again"),
        ({"epochs": 7}, "7, the best one by validation accuracy (loudest crops)"),
        ({"unknown": 2.0}, "one, two, unknown (2 keywords' worth)"),
    ],
)
def test_a_choice_is_told_as_the_recipe_has_it(changes, words):
    rows = open_choices(tiny.paper_recipe(**changes), parameters=4000, clips=16)
    assert any(words in row["here"] for row in rows)
