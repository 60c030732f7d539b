"""What names and feeds each network of a small ladder, as tests/golden/ladder pins it."""

from pathlib import Path
from typing import Any

import tiny_corpus
import tiny_run

SEED = 3


def ladder_facts(store, run_dir: Path) -> list[dict[str, Any]]:
    """Each network's folder, key and seed, and the clips of its first batch.

    Args:
      store: the packed `tiny_corpus`.
      run_dir: is not written to.
    """
    from pld_tf.data.batches.pipeline import training_batches
    from pld_tf.distill.ladder import Ladder

    recipe = tiny_run.make_recipe(
        keywords=tiny_corpus.KEYWORDS, input_lengths_ms=[1000, 700, 500], networks=[2, 1, 1]
    )
    ladder = Ladder(recipe=recipe, store=store, run_dir=run_dir, seed=SEED)
    networks = [(rung, network) for rung in range(3) for network in range((2, 1, 1)[rung])]
    facts = []
    for rung, network in networks:
        data = ladder._data(rung, network)
        batch = next(iter(training_batches(data, first_epoch=0, epochs=1)))
        facts.append(
            {
                "rung": rung,
                "network": network,
                "folder": ladder._folder(rung, network).name,
                "key": ladder._key(rung, network),
                "seed": data.seed,
                "first_clips": batch["clip"].numpy().tolist(),
            }
        )
    return facts
