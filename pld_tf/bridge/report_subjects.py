"""Runs and firmware bundles as `pld-tf report` shows them: a bundle joins the run it came from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pld_tf.bridge.report_bundle import OpenedBundle, open_report_bundle
from pld_tf.bridge.report_firmware import firmware_of
from pld_tf.bridge.report_networks import Network, network_of_run, networks_of_bundle
from pld_tf.data.corpus.recordings import recordings_text
from pld_tf.evaluation.evaluate import OpenedRung, open_rung
from pld_tf.report.bundle_files import Manifest
from pld_tf.report.checked import read_checked
from pld_tf.report.clips import cells
from pld_tf.report.facts import Confusion, Firmware, Rung, Subject
from pld_tf.report.run_facts import rungs_of
from pld_tf.system.folder_kind import RUN, folder_kind
from pld_tf.system.progress import Advance, Say

CLIP_BYTES = 3_500_000  # of all sounds and pictures; a page has at most 5 MB
SPLIT = "test"


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What subjects are tested on: a corpus, a stream of so many hours."""

    data: Path
    hours: float
    skip_bad: bool


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A run, a bundle, or a bundle and the run that it was made from."""

    run: Path | None = None
    bundle: Path | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(str(path) for path in (self.run, self.bundle) if path is not None)


def gather(
    paths: Sequence[Path], conditions: Conditions, *, say: Say, advance: Advance
) -> tuple[Subject, ...]:
    """A subject for each run and each bundle; one for both where they belong together.

    Args:
      paths: run folders and firmware bundles.
      conditions: what they are tested on.
      say: called with each note on the corpus.
      advance: called with seconds of a stream done and in all.

    Raises:
      PldError: a run is not finished, a bundle was not made from a run, or the data can't be used.
      HarnessError: a bundle is damaged.
    """
    pairs = paired(paths)
    budget = CLIP_BYTES // max(1, len(pairs))
    return _told_apart(
        [_subject(pair, conditions, budget=budget, say=say, advance=advance) for pair in pairs]
    )


def paired(paths: Sequence[Path]) -> list[Pair]:
    """Runs with their bundles, in the order of `paths`. A second bundle of a run stands alone."""
    pairs: list[Pair] = []
    runs = [path for path in paths if folder_kind(path) == RUN]
    taken: dict[Path, Path] = {}
    for bundle in [path for path in paths if path not in runs]:
        made_from = read_checked(bundle / "manifest.json", Manifest).model_bundle_sha256
        home = next((run for run in runs if made_from in _model_bundles(run)), None)
        if home is not None and home not in taken:
            taken[home] = bundle
    for path in paths:
        if path in runs:
            pairs.append(Pair(run=path, bundle=taken.get(path)))
        elif path not in taken.values():
            pairs.append(Pair(bundle=path))
    return pairs


def _model_bundles(run: Path) -> set[str]:
    """Hashes of the headers of its last student's model bundles."""
    headers = [run / "bundle" / "bundle.json", *sorted(run.glob("finish/*/bundle/bundle.json"))]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in headers if path.is_file()}


def _subject(
    pair: Pair, conditions: Conditions, *, budget: int, say: Say, advance: Advance
) -> Subject:
    missing: dict[str, str] = {}
    rung = None if pair.run is None else _open_run(pair.run, conditions, say)
    bundle = None if pair.bundle is None else _open_bundle(pair.bundle, conditions, say)
    networks: list[Network] = []
    if bundle is not None:
        networks += networks_of_bundle(bundle, conditions.data, with_float=rung is None)
    if rung is not None:
        networks.append(network_of_run(rung, rung.scored(), conditions.data))
    firmware = bundle and firmware_of(
        bundle, hours=conditions.hours, data=conditions.data, missing=missing, advance=advance
    )
    return subject_of(
        networks,
        paths=pair.paths,
        rungs=() if rung is None else rungs_of(rung.run),
        budget=budget,
        firmware=firmware,
        missing=missing,
    )


def subject_of(
    networks: Sequence[Network],
    *,
    paths: Sequence[str],
    rungs: Sequence[Rung],
    budget: int = CLIP_BYTES,
    firmware: Firmware | None = None,
    missing: dict[str, str] | None = None,
) -> Subject:
    """A subject of tested networks; the first is the one whose confusions are shown."""
    first = networks[0]
    origin, other = first.origin, first.tested.other_json()
    return Subject(
        name=f"{origin.recipe_name}, seed {origin.seed}",
        paths=tuple(paths),
        origin=origin,
        length_ms=first.length_ms,
        classes=first.tested.classes.names,
        clips=len(first.clips),
        split=first.tested.split,
        recordings=recordings_text(first.clips.recordings(first.tested.classes)),
        rungs=tuple(rungs),
        tested=tuple(network.facts() for network in networks),
        confusion=_confusion(first, budget),
        firmware=firmware,
        missing=missing or {},
        notes=tuple(other["notes"]) if other else (),
    )


def _open_run(run: Path, conditions: Conditions, say: Say) -> OpenedRung:
    return open_rung(
        run, data=conditions.data, rung=None, split=SPLIT, skip_bad=conditions.skip_bad, say=say
    )


def _open_bundle(bundle: Path, conditions: Conditions, say: Say) -> OpenedBundle:
    return open_report_bundle(bundle, data=conditions.data, skip_bad=conditions.skip_bad, say=say)


def _confusion(network: Network, budget: int) -> Confusion:
    return Confusion(
        of=network.name,
        counts=network.scored.protocols["loudest"]["confusion"],
        cells=cells(
            network.clips,
            network.tested.classes,
            network.scored,
            spec=network.spec,
            length_ms=network.length_ms,
            budget=budget,
        ),
    )


def _told_apart(subjects: list[Subject]) -> tuple[Subject, ...]:
    """Subjects of one name get their paths too."""
    names = [subject.name for subject in subjects]
    return tuple(
        replace(one, name=f"{one.name} ({', '.join(one.paths)})")
        if names.count(one.name) > 1
        else one
        for one in subjects
    )
