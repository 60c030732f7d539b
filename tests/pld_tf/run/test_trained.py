from dataclasses import replace

from pld_tf.run.folder import read_run
from pld_tf.run.trained import trained_rungs


def test_rungs_trained_with_negatives_are_found_by_both_keys(tiny):
    run = read_run(tiny / "run")
    plain, beside = trained_rungs(run), trained_rungs(replace(run, negatives_key="of negatives"))
    assert plain._folder(0, 0).is_dir()
    assert beside._folder(0, 0) != plain._folder(0, 0)
