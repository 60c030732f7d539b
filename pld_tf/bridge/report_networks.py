"""The networks of a run or a firmware bundle, each under the four protocols."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from pld_tf.bridge.report_bundle import OpenedBundle
from pld_tf.data.held_out import HeldOut
from pld_tf.data.tested import ScoredClips
from pld_tf.evaluation.evaluate import OpenedRung
from pld_tf.evaluation.score import Scored, score_clips
from pld_tf.features.spec import FeatureSpec
from pld_tf.report.facts import Origin, Tested
from pld_tf.report.run_facts import origin_of


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network, the clips it was tested on, and its answers.

    Attributes:
      name: `float`, or the kind of a bundle.
      origin: what it was made from.
      tested: the clips of one split, and which of them count.
      clips: those that count.
      spec, length_ms: of its input.
      scored: its answers.
      command: prints its accuracy.
    """

    name: str
    origin: Origin
    tested: ScoredClips
    clips: HeldOut
    spec: FeatureSpec
    length_ms: int
    scored: Scored
    command: str

    def facts(self) -> Tested:
        """What the page says of it."""
        return Tested(name=self.name, protocols=self.scored.protocols, command=self.command)


def network_of_run(rung: OpenedRung, scored: Scored, data: Path) -> Network:
    """A student of a run, and its answers as `rung.scored` gives them."""
    return Network(
        name="float",
        origin=origin_of(rung.run, rung.run.recipe),
        tested=rung.tested,
        clips=rung.clips,
        spec=rung.run.recipe.features,
        length_ms=rung.result.length_ms,
        scored=scored,
        command=_command("evaluate", rung.run.folder, data),
    )


def networks_of_bundle(opened: OpenedBundle, data: Path, *, with_float: bool) -> list[Network]:
    """The model of a bundle, and its float twin if wanted and if there is one."""
    bundle, clips = opened.bundle, opened.tested.held_out()
    files = {opened.manifest.kind: bundle.model}
    if with_float and bundle.float_model is not None:
        files["float"] = bundle.float_model
    return [
        Network(
            name=name,
            origin=origin_of(opened.manifest, opened.recipe),
            tested=opened.tested,
            clips=clips,
            spec=opened.recipe.features,
            length_ms=opened.manifest.length_ms,
            scored=score_clips(
                opened.infer(file),
                clips,
                classes=opened.tested.classes,
                length_ms=opened.manifest.length_ms,
            ),
            command=_command("bench", opened.path, data) + " --protocol PROTOCOL",
        )
        for name, file in files.items()
    ]


def _command(name: str, folder: Path, data: Path) -> str:
    return shlex.join(["pld-tf", name, str(folder), "--data", str(data)])
