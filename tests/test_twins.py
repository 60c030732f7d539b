"""What two packages need and may not import from each other stands in both, byte for byte."""

import pytest
from places import ROOT

PACKAGES = ("pld_tf", "export", "firmware_harness")
TWINS = [
    "metrics/probabilities.py",
    "metrics/wilson.py",
    "system/folder_kind.py",
    "system/held_back.py",
    "system/own_files.py",
    "system/source_commit.py",
    "system/strict_json.py",
    "system/tables.py",
    "system/whole_folder.py",
    "tflite/macs.py",
    "tflite/quantization.py",
]


@pytest.mark.parametrize("path", TWINS)
def test_twins_are_equal(path):
    twins = [ROOT / package / path for package in PACKAGES if (ROOT / package / path).exists()]
    assert len(twins) > 1
    assert len({twin.read_bytes() for twin in twins}) == 1
