"""The page as a browser reads it: figures, names, headings, and nothing from elsewhere."""

import base64
import hashlib
import re
from itertools import pairwise

import pytest
import report_facts as made
from html_page import Element, elements

from pld_tf.errors import PldError
from pld_tf.report import page as page_module
from pld_tf.report.checks import checks
from pld_tf.report.page import FOLDER, render

PAGES = {
    "a run with its bundle": lambda: made.page(made.subject()),
    "three side by side": lambda: made.page(
        made.subject(), made.run_alone(), made.bundle_alone(), papers=(made.paper(),)
    ),
    "a reproduction": lambda: made.page(papers=(made.paper(),)),
}


@pytest.fixture(scope="module")
def htmls() -> dict[str, str]:
    return {name: render(make()) for name, make in PAGES.items()}


@pytest.fixture(scope="module", params=PAGES)
def html(request, htmls) -> str:
    return htmls[request.param]


@pytest.fixture(scope="module")
def whole(htmls) -> list[Element]:
    return elements(htmls["a run with its bundle"])


def of(found: list[Element], tag: str) -> list[Element]:
    return [each for each in found if each.tag == tag]


def words(text: str) -> str:
    return " ".join(text.split())


def tiles(found: list[Element]) -> dict[str, tuple[str, str]]:
    """Value and detail by name of the headline row."""
    (row,) = [each for each in found if each.attributes.get("class") == "tiles"]
    parts = [words(each.text) for each in row.inside if each.tag in ("dt", "dd")]
    return {parts[at]: (parts[at + 1], parts[at + 2]) for at in range(0, len(parts), 3)}


def test_the_headline_says_what_the_reports_of_the_commands_say(whole):
    """50 hops of 100 and 12.5 inferences of 4,000 instructions are 55,000 a second."""
    assert tiles(whole) == {
        "accuracy": ("75.0 %", "50.0 to 87.5 %; int8, the loudest 500 ms of 40 test clips"),
        "false accepts an hour": ("12", "5 to 30; 6 in 0.5 h of test clips over noise"),
        "keywords missed": ("15.0 %", "5.0 to 25.0 %; of 20 keywords in the same stream"),
        "flash": ("4.0 KiB", "program and model on cortex-m4; the .tflite alone has 2.0 KiB"),
        "RAM": ("1.5 KiB", "of it 256 bytes of stack; no audio buffer"),
        "instructions a second": (
            "55,000", "of audio: 50 hops of 100, 12.5 inferences of 4,000",
        ),
    }  # fmt: skip


def test_the_questions_and_their_verdicts_are_shown(whole):
    (row,) = [each for each in whole if each.attributes.get("class") == "checks"]
    items = [each for each in row.inside if each.tag == "li"]
    shown = [
        (words(item.inside[0].text), words(of(item.inside, "strong")[0].text)) for item in items
    ]
    assert shown == [(check.verdict, check.question) for check in checks(made.subject())]


def test_a_matrix_has_a_link_to_the_clips_of_each_cell(whole):
    (matrix,) = [each for each in of(whole, "table") if each.attributes.get("class") == "matrix"]
    links = {each.attributes["href"]: each.text for each in of(matrix.inside, "a")}
    assert links == {
        "#heard-0-0-0": "8", "#heard-0-0-1": "2", "#heard-0-1-0": "1", "#heard-0-1-1": "9",
        "#heard-0-2-2": "10", "#heard-0-3-1": "3", "#heard-0-3-3": "7",
    }  # fmt: skip
    panels = {
        each.attributes["id"]: each for each in whole if each.attributes.get("class") == "heard"
    }
    assert {f"#{name}" for name in panels} == set(links)
    # Without its script the page shows all of them; the script begins with the largest mistake.
    assert not any("hidden" in panel.attributes for panel in panels.values())
    first = [name for name, panel in panels.items() if "data-first" in panel.attributes]
    assert first == ["heard-0-3-1"]


def test_the_script_finds_the_heading_that_it_leads_to(html):
    panels = [each for each in elements(html) if each.attributes.get("class") == "heard"]
    for panel in panels:
        (heading,) = [each for each in panel.inside if "tabindex" in each.attributes]
        assert heading.tag in ("h3", "h4")
        assert heading.attributes["tabindex"] == "-1"


def test_the_clips_of_a_cell_can_be_played_and_seen(whole):
    (panel,) = [each for each in whole if each.attributes.get("id") == "heard-0-0-1"]
    (audio,), (image,) = of(panel.inside, "audio"), of(panel.inside, "img")
    assert audio.attributes["src"] == f"data:audio/flac;base64,{made.AUDIO}"
    assert "controls" in audio.attributes
    assert image.attributes["src"] == f"data:image/png;base64,{made.PICTURE}"
    (frame,) = [each for each in panel.inside if each.attributes.get("class") == "given"]
    assert frame.attributes["style"] == "left: 10.0%; width: 50.0%"


def test_names_from_files_are_text_and_never_markup(html):
    found = elements(html)
    (script,) = of(found, "script")
    assert script.text == (FOLDER / "page.js").read_text("utf-8")
    assert not any(name.startswith("on") for each in found for name in each.attributes)
    shown = "".join(each.text for each in found if each.tag == "main")
    assert "<script>alert(1)</script>&\"'$x$" in shown


def test_nothing_comes_from_elsewhere(html):
    """No attribute and no style names an address, and the page's own policy forbids it."""
    found = elements(html)
    for each in found:
        for name in ("src", "href", "srcset", "poster", "action", "data"):
            assert re.match(r"data:|#|$", each.attributes.get(name, "")), each.attributes
    assert not re.search(r"url\((?!#)|@import|//\w", re.sub(r"base64,[\w+/=]*", "", html))
    (policy,) = [each for each in of(found, "meta") if "http-equiv" in each.attributes]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.attributes["content"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == rules["media-src"] == "data:"
    digest = hashlib.sha256(of(found, "script")[0].text.encode()).digest()
    assert rules["script-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"


def test_every_picture_and_clip_has_a_name_for_a_screen_reader(html):
    found = elements(html)
    assert all(each.attributes["alt"].strip() for each in of(found, "img"))
    assert all(each.attributes["aria-label"].strip() for each in of(found, "audio"))
    drawings = of(found, "svg")
    assert drawings
    assert all(each.attributes["role"] == "img" for each in drawings)
    assert all(each.attributes["aria-label"].strip() for each in drawings)


def test_headings_go_down_one_level_at_a_time(html):
    levels = [int(each.tag[1]) for each in elements(html) if re.fullmatch("h[1-6]", each.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_every_link_inside_the_page_has_its_end(html):
    found = elements(html)
    ids = [each.attributes["id"] for each in found if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    named = [each.attributes["href"][1:] for each in found if "href" in each.attributes]
    named += [each.attributes[name] for each in found for name in ("aria-labelledby",)
              if name in each.attributes]  # fmt: skip
    named += re.findall(r"url\(#([^)]+)\)", html)
    assert set(named) - set(ids) == set()


def test_the_same_facts_give_the_same_bytes():
    assert render(made.page(made.run_alone())) == render(made.page(made.run_alone()))


def test_what_could_not_be_measured_is_said_with_its_reason(htmls):
    text = words(htmls["three side by side"])
    for reason in ("no compiler", "needs --layers", "Give the run folder of"):
        assert reason in text
    assert text.count("not measured") == 10  # five figures of a run, and of a bundle without tools
    assert "There is no firmware bundle" in text


def test_a_page_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(page_module, "MAX_BYTES", 1000)
    with pytest.raises(PldError, match=r"more than 1,000\. Show fewer runs"):
        render(made.page())
