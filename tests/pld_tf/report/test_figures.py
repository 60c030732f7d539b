"""Figures inside the page: text that stays text, colours of the page, names of their own."""

from xml.etree import ElementTree

import pytest
import report_facts as made

from pld_tf.report import figures
from pld_tf.report.figures import _useful
from pld_tf.report.svg import SERIES, drawing, inline_svg
from pld_tf.report.text import large


@pytest.fixture(scope="module")
def svg() -> str:
    rows = [(made.HOSTILE, 3.0, "$"), ("b", 1.0, "<")]
    return str(figures.bars(rows, name="one", title=made.HOSTILE, series=0))


def test_labels_are_text_as_they_were_given(svg):
    """A $ begins no formula, and < begins no element."""
    texts = [each.text for each in ElementTree.fromstring(svg).iter() if each.tag.endswith("text")]
    assert {made.HOSTILE, "b", "$", "<"} <= set(texts)


def test_a_figure_is_an_image_that_says_what_it_shows(svg):
    root = ElementTree.fromstring(svg)
    assert (root.get("role"), root.get("aria-label")) == ("img", made.HOSTILE)


def test_colours_are_those_of_the_page_by_day_and_night(svg):
    assert "var(--series-1)" in svg
    assert "var(--ink)" in svg
    assert not any(colour in svg for colour in SERIES)


def test_names_begin_with_that_of_the_figure(svg):
    ids = [each.get("id") for each in ElementTree.fromstring(svg).iter() if each.get("id")]
    assert ids
    assert all(name.startswith("one-") for name in ids)


def test_the_same_figure_has_the_same_bytes(svg):
    rows = [(made.HOSTILE, 3.0, "$"), ("b", 1.0, "<")]
    assert str(figures.bars(rows, name="one", title=made.HOSTILE, series=0)) == svg


def test_the_users_settings_of_matplotlib_have_no_effect(svg):
    from matplotlib import rc_context

    rows = [(made.HOSTILE, 3.0, "$"), ("b", 1.0, "<")]
    with rc_context({"svg.fonttype": "path", "font.size": 40}):
        assert str(figures.bars(rows, name="one", title=made.HOSTILE, series=0)) == svg


def test_letters_that_matplotlibs_font_lacks_are_left_to_the_browser(recwarn):
    from matplotlib.figure import Figure

    with drawing():
        figure = Figure()
        figure.text(0.5, 0.5, "\u4f60\u597d")
        assert "\u4f60\u597d" in inline_svg(figure, name="x", title="x")
    assert not recwarn.list


def test_a_point_that_another_beats_in_both_is_left_out():
    assert _useful([(3, 5), (0, 9), (2, 9), (1, 6), (1, 7), (4, 5), (5, 4)]) == [
        (0, 9), (1, 6), (3, 5), (5, 4),
    ]  # fmt: skip


def test_more_series_than_colours_begin_again():
    rungs = made.rungs() * 5
    assert figures.learning_curves(rungs, name="many", what="loss").count("var(--series-6)") >= 1
    assert large(999_999) == "999,999"
