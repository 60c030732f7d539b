"""Rung keys, seeds and batches from one version of the package to the next."""

import json

from ladder_facts import ladder_facts
from places import TESTS


def test_folders_seeds_and_first_batches_are_those_of_the_golden_ladder(store, tmp_path):
    """Where a change is meant: python tests/golden/ladder/make_ladder.py, in its own commit."""
    golden = (TESTS / "golden" / "ladder" / "ladder.json").read_text("utf-8")
    assert ladder_facts(store, tmp_path) == json.loads(golden)
