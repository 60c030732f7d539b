"""Bundles whose names begin otherwise: two of them link into one program."""

import re

import numpy as np
import pytest
import stub_bundle
from hypothesis import given
from hypothesis import strategies as st

from export.c_code.files import apply_prefix, check_prefix
from export.errors import ExportError
from export.system.prefix import renamed, why_not
from firmware_harness.bundle.shared_c import bundle_sources, host_source
from firmware_harness.runtimes.host_library import open_library

MAIN = """
#include <stdio.h>
#include "{0}.h"
#include "{1}.h"
static struct {0} a;
static struct {1} b;
static const char *const a_labels[{2}_NUM_CLASSES] = {2}_LABELS;
static const char *const b_labels[{3}_NUM_CLASSES] = {3}_LABELS;
int main(void)
{{
    int16_t sample;
    struct {0}_result heard_a;
    struct {1}_result heard_b;
    if ({0}_init(&a, NULL) != {2}_OK || {1}_init(&b, NULL) != {3}_OK) return 2;
    while (fread(&sample, sizeof sample, 1, stdin) == 1) {{
        if ({0}_push(&a, &sample, 1, &heard_a) == 1)
            printf("a %s %d %d\\n", a_labels[heard_a.word], (int)heard_a.time, heard_a.score);
        if ({1}_push(&b, &sample, 1, &heard_b) == 1)
            printf("b %s %d %d\\n", b_labels[heard_b.word], (int)heard_b.time, heard_b.score);
    }}
    return 0;
}}
"""


def sound(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.integers(-20, 21, count) + 10 * np.sign(np.sin(np.arange(count) / 9))).astype("<i2")


def bundle(folder, prefix, **changed):
    stub_bundle.write_c(folder, **changed)
    assert apply_prefix(folder, prefix) == {"prefix": prefix}
    return folder


@pytest.mark.parametrize(("first", "second"), [("wake", "vad_2"), ("kws", "other")])
def test_two_bundles_link_into_one_program_and_each_hears_its_own(first, second, tmp_path):
    folders = [
        bundle(tmp_path / "a", first),
        bundle(tmp_path / "b", second, thresholds={"yes": 9000, "né": 9000}),
    ]
    (tmp_path / "main.c").write_text(MAIN.format(first, second, first.upper(), second.upper()))
    sources = [str(path) for folder in folders for path in sorted(folder.glob("*.c"))]
    options = ("-std=c99", "-O1", *(f"-I{folder}" for folder in folders))
    made = stub_bundle.build(
        tmp_path, *options, *stub_bundle.SANITIZERS, sources=("main.c", *sources), out="main"
    )
    samples = sound(2000)
    said = stub_bundle.run(made, input=samples.tobytes()).stdout.decode().splitlines()
    for name, folder, prefix in zip("ab", folders, (first, second), strict=True):
        library = open_library(folder, prefix=prefix)
        expected = [
            f"{name} {library.labels[word]} {time} {score}"
            for time, word, score in library.open_stream().words(samples)
        ]
        assert expected
        assert [line for line in said if line.startswith(name)] == expected


def test_no_name_is_left_as_it_was(tmp_path):
    folder = bundle(tmp_path, "wake")
    for name, text in {**bundle_sources(), "kws_host.c": host_source()}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    apply_prefix(folder, "wake")
    for path in folder.rglob("*"):
        if path.is_file():
            assert path.name.startswith("wake")
            assert not re.search(r"\bkws|KWS", path.read_text()), path.name


def test_labels_are_no_names(tmp_path):
    assert renamed('#define KWS_LABELS { \\\n    "kws", \\\n    "KWS_OK" }', "wake") == (
        '#define WAKE_LABELS { \\\n    "kws", \\\n    "KWS_OK" }'
    )


@given(text=st.text(st.characters(codec="utf-8")))
def test_the_prefix_kws_changes_nothing(text):
    assert renamed(text, "kws") is text


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        ("", "lower-case"),
        ("Wake", "lower-case"),
        ("2nd", "lower-case"),
        ("a__b", "lower-case"),
        ("a_", "lower-case"),
        ("../x", "lower-case"),
        ("a" * 25, "at most 24 characters"),
        ("int", "has this name already"),
        ("string", "has this name already"),
        ("bench", "has this name already"),
    ],
)
def test_what_cannot_begin_names_in_c_is_refused(prefix, reason):
    with pytest.raises(ExportError, match=reason):
        check_prefix(prefix)


@pytest.mark.parametrize("prefix", ["kws", "wake", "vad2", "my_wake_word", "a"])
def test_plain_words_are_taken(prefix):
    assert why_not(prefix) is None
