"""What two packages need and may not import from each other stands in both.

Byte for byte, but for the package that they import from.
"""

import pytest
from places import ROOT

PACKAGES = ("pld_tf", "export", "firmware_harness")
TWINS = [
    "metrics/probabilities.py",
    "metrics/wilson.py",
    "system/folder_kind.py",
    "system/held_back.py",
    "system/own_files.py",
    "system/people_text.py",
    "system/prefix.py",
    "system/source_commit.py",
    "system/strict_json.py",
    "system/tables.py",
    "system/temporary.py",
    "system/whole_folder.py",
    "tflite/flatbuffer.py",
    "tflite/macs.py",
    "tflite/quantization.py",
]


@pytest.mark.parametrize("path", TWINS)
def test_twins_are_equal(path):
    having = [package for package in PACKAGES if (ROOT / package / path).exists()]
    assert len(having) > 1
    assert len({_text(package, path) for package in having}) == 1


def _text(package: str, path: str) -> bytes:
    text = (ROOT / package / path).read_bytes()
    return text.replace(f"\nfrom {package}.".encode(), b"\nfrom PACKAGE.")
