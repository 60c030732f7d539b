"""A bench report as a page."""

import pytest
import report_facts as made
from html_page import elements

from pld_tf.report.bench_page import Table, render_bench

REPORT = {
    "model": {"name": made.HOSTILE, "kind": "int8", "bytes": 2048, "refused": made.HOSTILE},
    "accuracy": {
        "int8": 0.5,
        "intervals": {"int8": [0.25, 0.75]},
        "protocol": "loudest",
        "clips": 40,
    },
    "targets": {
        "tflite": {"latency_ms": {"median": 0.0123}},
        "host": {"instructions_per_inference": None, "layers": None},
        "cortex-m4": made.core_report(),
    },
    "command": f"pld-tf bench {made.HOSTILE}",
}
PARTS = [
    Table(title="Model", head=["", ""], rows=[["file", made.HOSTILE]]),
    made.HOSTILE,
    Table(
        title="C", head=["target", "flash", "what"], rows=[["host", "", "x"], ["m4", "9 bytes", ""]]
    ),
]


@pytest.fixture(scope="module")
def page():
    return elements(render_bench(REPORT, PARTS))


def text_of(page, tag: str) -> list[str]:
    return [" ".join(each.text.split()) for each in page if each.tag == tag]


def test_the_headline_row_holds_the_figures_of_the_report(page):
    details = [each for each in page if each.attributes.get("class") == "value"]
    assert list(zip(text_of(page, "dt"), [each.text for each in details], strict=True)) == [
        ("accuracy", "50.0 %"), ("size", "2.0 KiB"), ("latency", "0.012 ms"),
        ("instructions", "4,000"), ("flash", "4.0 KiB"), ("RAM", "1.5 KiB"),
    ]  # fmt: skip


def test_names_are_text_and_there_is_no_script(page):
    assert text_of(page, "script") == []
    assert text_of(page, "h1") == [f"Bench report: {made.HOSTILE}"]
    assert made.HOSTILE in text_of(page, "td")
    (policy,) = [each for each in page if "http-equiv" in each.attributes]
    assert "script-src 'none'" in policy.attributes["content"]


def test_tables_without_titles_of_columns_have_no_empty_ones(page):
    assert text_of(page, "h2") == ["Model", "C"]
    columns = [each.text for each in page if each.attributes.get("scope") == "col"]
    assert columns == ["target", "flash", "what"]


def test_columns_of_numbers_stand_on_the_right():
    assert [part.numbers for part in PARTS if isinstance(part, Table)] == [[], [1]]


def test_a_report_without_accuracy_and_targets_is_shown_too():
    bare = REPORT | {"accuracy": None, "targets": {}, "command": None}
    found = elements(render_bench(bare, []))
    assert text_of(found, "dt") == ["size"]
