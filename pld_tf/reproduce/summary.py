"""The report of a reproduction: figures and gains of the nets tested so far."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pld_tf.evaluation.decisions import Decisions
from pld_tf.metrics.bootstrap import clip_weights, interval
from pld_tf.recipe.schema import Recipe
from pld_tf.recipe.tables import PROTOCOLS
from pld_tf.reproduce import paper
from pld_tf.reproduce.nets import Net, baselines, climbs, ladder_nets

Figures = dict[str, Any]
# Decisions by name of the net, then by seed.
Tested = dict[str, dict[int, Decisions]]


class Summary:
    """Turns decisions into figures.

    Args:
      recipe: of the reproduction.
      seeds: number of seeds, counted from 0.
      clips: number on the test list.
      ladders: the paper's ladders with its figures.
      direct: ladders of one step with the paper's figures.
    """

    def __init__(
        self,
        *,
        recipe: Recipe,
        seeds: int,
        clips: int,
        ladders: Sequence[dict[int, float]] = paper.LADDERS,
        direct: Sequence[dict[int, float]] = paper.DIRECT,
    ) -> None:
        self._recipe = recipe
        self._seeds = seeds
        self._ladders, self._direct = ladders, direct
        self._baselines = baselines(recipe)
        self._weights = clip_weights(clips)

    def report(self, tested: Tested) -> dict[str, Any]:
        """Tables as plain values; a net not tested yet has an empty `protocols`."""
        wanted = {net.name for climb in climbs(self._recipe, self._all()) for net in climb}
        done = sum(len(self._seeds_of(tested, name)) for name in wanted)
        ladders = [self._ladder(ladder, tested) for ladder in self._ladders]
        return {
            "nets": {"tested": done, "all": len(wanted) * self._seeds},
            "teacher": self._figures(ladder_nets(self._recipe, self._ladders[0])[0], tested),
            "direct": [self._direct_row(ladder, tested) for ladder in self._direct],
            "ladders": ladders,
            "best_ladder": self._best(ladders),
            "baselines": [
                {"title": baseline.title} | self._figures(baseline.net, tested)
                for baseline in self._baselines
            ],
        }

    def _all(self) -> Iterable[Iterable[int]]:
        return [*self._ladders, *self._direct]

    def _seeds_of(self, tested: Tested, *names: str) -> list[int]:
        """Seeds that all of these nets have been tested with."""
        common = set(range(self._seeds)).intersection(*(tested.get(name, {}) for name in names))
        return sorted(common)

    def _figures(self, net: Net, tested: Tested) -> Figures:
        """Accuracies of one net."""
        seeds = self._seeds_of(tested, net.name)
        of_seed = [tested[net.name][seed] for seed in seeds]
        figures: Figures = {"name": net.name, "tested_ms": net.tested_ms, "input_ms": net.input_ms}
        figures |= {"seeds": seeds, "validation": None, "protocols": {}}
        if not seeds:
            return figures
        figures["validation"] = float(np.mean([each.validation for each in of_seed]))
        for protocol in PROTOCOLS:
            values = np.stack([each.clips(protocol) for each in of_seed])
            figures["protocols"][protocol] = interval(
                values, self._weights, lowest=0.0
            ).to_dict() | {"by_seed": values.mean(axis=1).tolist()}
        return figures

    def _gain(self, net: Net, over: Net, tested: Tested) -> Figures:
        """The gain of `net` over another net, for the seeds of both."""
        seeds = self._seeds_of(tested, net.name, over.name)
        gains: Figures = {"over": over.name, "seeds": seeds, "protocols": {}}
        for protocol in PROTOCOLS if seeds else ():
            differences = [
                tested[net.name][seed].clips(protocol) - tested[over.name][seed].clips(protocol)
                for seed in seeds
            ]
            gain = interval(np.stack(differences), self._weights, lowest=-1.0)
            gains["protocols"][protocol] = gain.to_dict()
        return gains

    def _direct_row(self, ladder: dict[int, float], tested: Tested) -> Figures:
        (length_ms,) = ladder
        net = ladder_nets(self._recipe, ladder)[-1]
        return self._figures(net, tested) | {"paper": ladder[length_ms]}

    def _ladder(self, ladder: dict[int, float], tested: Tested) -> dict[str, Any]:
        nets = ladder_nets(self._recipe, ladder)
        direct = ladder_nets(self._recipe, (paper.TARGET_MS,))[-1]
        return {
            "ladder_ms": list(nets[-1].recipe.lengths_ms),
            "rungs": [
                self._figures(net, tested) | {"paper": ladder[net.tested_ms]} for net in nets[1:]
            ],
            "gain_over_direct": self._gain(nets[-1], direct, tested),
            "gain_over_hard_labels": self._gain(nets[-1], self._baselines[0].net, tested),
        }

    def _best(self, ladders: list[dict[str, Any]]) -> list[int] | None:
        """The ladder whose last student is best on validation clips. Choosing it by its test figure
        would bias that figure. None until all ladders have all seeds."""
        last = [(ladder["rungs"][-1], ladder["ladder_ms"]) for ladder in ladders]
        if any(len(rung["seeds"]) < self._seeds for rung, _ in last):
            return None
        return max(last, key=lambda each: each[0]["validation"])[1]
