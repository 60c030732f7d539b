"""Train the networks of the paper's tables, test each once, and keep the tables up to date."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pld_tf.data.corpus.classes import find_classes
from pld_tf.data.held_out import held_out
from pld_tf.data.open import damaged_store_told, open_data
from pld_tf.data.store.pack import Store
from pld_tf.distill.ladder import Ladder, RungResult
from pld_tf.evaluation.decisions import Decisions, read_decisions, right_decisions, write_decisions
from pld_tf.metrics.bootstrap import METHOD
from pld_tf.recipe.schema import Recipe
from pld_tf.recipe.tables import PROTOCOLS, Protocol
from pld_tf.reproduce import nets, paper
from pld_tf.reproduce.choices import open_choices
from pld_tf.reproduce.claim import claim
from pld_tf.reproduce.costs import Int8Bytes, Int8Sizes, shape_costs
from pld_tf.reproduce.csv_table import csv_text
from pld_tf.reproduce.nets import Climb, Net
from pld_tf.reproduce.plot import write_plot
from pld_tf.reproduce.summary import Summary
from pld_tf.reproduce.tables import markdown, protocol_text
from pld_tf.run.folder import owned
from pld_tf.system.files import write_json, write_text
from pld_tf.system.progress import Say
from pld_tf.system.provenance import package_versions
from pld_tf.system.source_commit import source_commit

PAPER_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a reproduction trains and shows.

    Attributes:
      recipe: of every network, except for the ladder.
      seeds: seeds 0 to `seeds` - 1 are trained. More may be added later.
      protocol: of the tables shown first.
      command: as the report shows it.
      ladders, direct: the paper's figures by length below 1000 ms, for each ladder.
    """

    recipe: Recipe
    seeds: int
    protocol: Protocol
    command: str
    ladders: Sequence[dict[int, float]] = paper.LADDERS
    direct: Sequence[dict[int, float]] = paper.DIRECT


def reproduce_paper(
    asked: Asked, *, data: Path, run_dir: Path, skip_bad: bool, int8_bytes: Int8Bytes, say: Say
) -> dict[str, Any]:
    """Train and test all networks of the tables, and write paper.md, .csv, .json and .png.

    Continues a stopped reproduction. Rewrites the four files after each network.

    Args:
      asked: what to train.
      data: corpus.
      run_dir: folder of this reproduction.
      skip_bad: leave unreadable clips out.
      int8_bytes: converts a model bundle to int8 and returns the size of its .tflite.
      say: called with one line per network.

    Returns:
      The report described in docs/paper.md, ready for JSON.

    Raises:
      PldError: the recipe sets its own ladder, or `run_dir` was made from other choices or data, or
        holds another kind of run.
    """
    nets.check(asked.recipe)
    store = open_data(data, asked.recipe, skip_bad=skip_bad, say=say)
    with owned(run_dir), damaged_store_told(store):
        claim(run_dir, recipe=asked.recipe, data_key=store.key, say=say)
        sizes = Int8Sizes(run_dir / "int8_bytes.json", int8_bytes)
        reproduction = Reproduction(asked, store=store, run_dir=run_dir, sizes=sizes, say=say)
        reproduction.finish()
        return reproduction.report()


class Reproduction:
    """The networks, and their decisions so far.

    Args:
      asked: what to train.
      store: packed corpus.
      run_dir: folder of this reproduction.
      sizes: of the networks.
      say: called with one line per network.
    """

    def __init__(
        self, asked: Asked, *, store: Store, run_dir: Path, sizes: Int8Sizes, say: Say
    ) -> None:
        self._asked, self._store, self._run_dir = asked, store, run_dir
        self._sizes, self._say = sizes, say
        self._climbs = nets.climbs(asked.recipe, [*asked.ladders, *asked.direct])
        inputs_ms = {net.input_ms for climb in self._climbs for net in climb}
        self._origin = {"commit": source_commit(), "versions": package_versions()}
        self._costs = shape_costs(asked.recipe, store, sorted(inputs_ms, reverse=True))
        self._clips = held_out(store, find_classes(asked.recipe.words, store.words), "test")
        self._summary = Summary(
            recipe=asked.recipe,
            seeds=asked.seeds,
            clips=len(self._clips),
            ladders=asked.ladders,
            direct=asked.direct,
        )
        self._tested = self._read_tested()

    def finish(self) -> None:
        """Train and test what is missing, seed by seed."""
        if self._tested:
            self._say(protocol_text(self.report(), self._asked.protocol))
        for seed in range(self._asked.seeds):
            for climb in self._climbs:
                self._climb(climb, seed)
        self._write()

    def report(self) -> dict[str, Any]:
        """Choices, costs and figures, ready for JSON."""
        recipe, sizes = self._asked.recipe, self._sizes.read()
        costs = {
            str(length_ms): cost | {"int8_bytes": sizes.get(length_ms)}
            for length_ms, cost in self._costs.items()
        }
        parameters = self._costs[paper.SOURCE_MS]["parameters"]
        return {
            "format": PAPER_FORMAT,
            "source": paper.SOURCE,
            "command": self._asked.command,
            **self._origin,
            "data_key": self._store.key,
            "recipe": recipe.model_dump(mode="json"),
            "seeds": self._asked.seeds,
            "clips": len(self._clips),
            "method": METHOD,
            "open_choices": open_choices(recipe, parameters=parameters, clips=len(self._clips)),
            "costs": costs,
            **self._summary.report(self._tested),
        }

    def _climb(self, climb: Climb, seed: int) -> None:
        """Train a ladder up to the last of `climb`, and test the nets not tested yet."""
        waiting = [net for net in climb if seed not in self._tested.get(net.name, {})]
        if not waiting:
            return
        ladder = Ladder(
            recipe=climb[-1].recipe, store=self._store, run_dir=self._run_dir, seed=seed
        )

        def report(result: RungResult) -> None:
            for net in waiting:
                if net.rung == result.number:
                    self._test(net, result, seed)

        ladder.climb(report, rungs=climb[-1].rung + 1)

    def _test(self, net: Net, result: RungResult, seed: int) -> None:
        right = right_decisions(
            result.student,
            self._clips,
            spec=net.recipe.features,
            tested_ms=net.tested_ms,
            input_ms=net.input_ms,
        )
        decisions = Decisions(right=right, validation=result.metrics["student_accuracy"])
        write_decisions(self._file(net, seed), decisions)
        self._tested.setdefault(net.name, {})[seed] = decisions
        if net.tested_ms == result.length_ms:
            self._sizes.measure(result, recipe=net.recipe, store=self._store, seed=seed)
        self._write()
        figures = ", ".join(
            f"{protocol} {100 * decisions.clips(protocol).mean():.1f} %" for protocol in PROTOCOLS
        )
        self._say(f"{net.name}, seed {seed}: {figures}")

    def _write(self) -> None:
        report = self.report()
        write_json(self._run_dir / "paper.json", report)
        write_text(self._run_dir / "paper.csv", csv_text(report))
        write_text(self._run_dir / "paper.md", markdown(report, self._asked.protocol))
        write_plot(self._run_dir / "paper.png", report)

    def _read_tested(self) -> dict[str, dict[int, Decisions]]:
        tested: dict[str, dict[int, Decisions]] = {}
        for net in {net.name: net for climb in self._climbs for net in climb}.values():
            for seed in range(self._asked.seeds):
                if (path := self._file(net, seed)).is_file():
                    decisions = read_decisions(path, clips=len(self._clips))
                    tested.setdefault(net.name, {})[seed] = decisions
        return tested

    def _file(self, net: Net, seed: int) -> Path:
        return self._run_dir / "decisions" / f"{net.name}-seed{seed}.npz"
