"""Packages that do not import each other hold some files twice, equal to the byte."""

import pytest
from places import ROOT

PACKAGES = ("pld_tf", "export", "firmware_harness")
TWINS = ("system/strict_json.py", "system/tables.py")


@pytest.mark.parametrize("path", TWINS)
def test_files_at_the_same_path_in_two_packages_are_equal_to_the_byte(path):
    twins = [ROOT / package / path for package in PACKAGES if (ROOT / package / path).exists()]
    assert len(twins) > 1
    assert len({twin.read_bytes() for twin in twins}) == 1
