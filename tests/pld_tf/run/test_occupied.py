"""A run or a reproduction begins in no folder where it would overwrite something."""

import pytest
import tiny_run

from pld_tf.errors import PldError
from pld_tf.reproduce import claim as reproduce_claim
from pld_tf.run import folder


@pytest.mark.parametrize("claims", [folder.claim, reproduce_claim.claim])
@pytest.mark.parametrize("name", ["rungs", "paper.md", "bundle", "trained_on.json"])
def test_a_new_run_overwrites_nothing_of_the_user(tmp_path, store, claims, name):
    written = folder.WRITTEN if claims is folder.claim else reproduce_claim.WRITTEN
    (tmp_path / name).write_text("mine")
    (tmp_path / "notes.txt").write_text("no run writes this")
    values = {"recipe": tiny_run.make_recipe(), "say": lambda line: None}
    if claims is folder.claim:
        values |= {"recipe_name": "tiny", "seed": 0, "excluded": frozenset(), "store": store}
    else:
        values |= {"data_key": "k"}
    if name in written:
        with pytest.raises(PldError, match=rf"has no run.json, but {name}, .* another --run-dir"):
            claims(tmp_path, **values)
        assert not (tmp_path / "run.json").exists()
    else:
        claims(tmp_path, **values)
    assert (tmp_path / name).read_text() == "mine"
