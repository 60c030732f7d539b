from dataclasses import replace

import numpy as np
from joined_batches import joined
from plain_choices import plainly
from tiny_corpus import COUNTS, RATE

from pld_tf.data.store.loudness import speech_so_far

KEYWORDS, UNKNOWN = 2, 2
CLIPS = sum(COUNTS["train"].values())


def test_a_crop_with_too_little_of_its_word_is_taught_as_unknown(tiny_data):
    data = replace(tiny_data, lengths_ms=(300,), tells_crops=True, **plainly(least_word_share=0.5))
    batch = joined(data, epochs=2)
    so_far = speech_so_far(data.index.energies)
    points = np.linspace(0, RATE, so_far.shape[1])
    labels = data.labels()
    seen = set()
    for clip, start, label in zip(batch["clip"], batch["start"], batch["label"], strict=True):
        if clip >= CLIPS or labels[clip] >= KEYWORDS:
            continue
        before, after = np.interp([start, start + 0.3 * RATE], points, so_far[clip])
        held = after - before
        if abs(held - 0.5) > 1e-3:
            assert label == (labels[clip] if held > 0.5 else UNKNOWN)
            seen.add(bool(held > 0.5))
    assert seen == {True, False}
