"""Makes ladder.json beside it: python tests/golden/ladder/make_ladder.py

A changed key makes every finished rung of every user train anew; a changed seed or batch makes
other weights. So a commit that remakes it says what changed and why.
"""

import json
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> None:
    # Here, because pytest imports this file to look for doctests.
    sys.path.insert(0, str(FOLDER.parents[1] / "support"))
    import tiny_corpus
    from ladder_facts import ladder_facts

    from pld_tf.data.corpus.corpus import find_corpus
    from pld_tf.data.store.pack import open_store

    with tempfile.TemporaryDirectory() as folder:
        root = tiny_corpus.write_corpus(Path(folder) / "corpus")
        store = open_store(
            find_corpus(root), sample_rate_hz=tiny_corpus.RATE, cache=Path(folder) / "cache"
        )
        facts = ladder_facts(store, Path(folder) / "run")
    (FOLDER / "ladder.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
