"""Gathers what `pld-tf report` shows, and writes the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pld_tf import __version__
from pld_tf.bridge.report_networks import network_of_run
from pld_tf.bridge.report_subjects import Conditions, gather, subject_of
from pld_tf.errors import PldError
from pld_tf.evaluation.evaluate import OpenedRung
from pld_tf.evaluation.score import Scored
from pld_tf.report.checked import read_checked
from pld_tf.report.facts import Page, Paper, Subject
from pld_tf.report.page import render
from pld_tf.report.run_facts import rungs_of
from pld_tf.report.run_files import PaperReport
from pld_tf.reproduce.claim import is_reproduction
from pld_tf.system.files import write_text
from pld_tf.system.own_files import record_files
from pld_tf.system.progress import Advance, Say
from pld_tf.system.source_commit import source_commit


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a page is made from.

    Attributes:
      data: corpus; None where nothing is to be tested.
      hours: of the stream of test clips.
      skip_bad: leave unreadable clips out.
    """

    data: Path | None
    hours: float
    skip_bad: bool


def write_report(
    paths: Sequence[Path], wanted: Wanted, *, out: Path, command: str, say: Say, advance: Advance
) -> None:
    """Write a page about runs and firmware bundles.

    Args:
      paths: run folders, of `pld-tf reproduce` too, and firmware bundles.
      wanted: what the page is made from.
      out: the page.
      command: as the page shows it.
      say: called with each note on the corpus.
      advance: called with seconds of a stream done and in all.

    Raises:
      PldError: as `gather`; nothing says which clips to test on; the page would be too large.
      HarnessError: a bundle is damaged.
    """
    papers = [path for path in paths if is_reproduction(path)]
    tested = [path for path in paths if path not in papers]
    if tested and wanted.data is None:
        raise PldError(f"{tested[0]} is tested on clips. Name their corpus: --data DIR.")
    subjects = ()
    if wanted.data is not None:
        conditions = Conditions(data=wanted.data, hours=wanted.hours, skip_bad=wanted.skip_bad)
        subjects = gather(tested, conditions, say=say, advance=advance)
    _write(out, subjects, tuple(_paper(path) for path in papers), command)


def write_evaluation(
    rung: OpenedRung, scored: Scored, *, data: Path, out: Path, command: str
) -> None:
    """Write the page of one student of a run, from its answers.

    Raises:
      PldError: as `write_report`.
    """
    networks = [network_of_run(rung, scored, data)]
    rungs = rungs_of(rung.run, last=rung.result.number)
    subject = subject_of(networks, paths=[str(rung.run.folder)], rungs=rungs)
    _write(out, (subject,), (), command)


def _write(
    out: Path, subjects: tuple[Subject, ...], papers: tuple[Paper, ...], command: str
) -> None:
    page = Page(
        subjects=subjects,
        papers=papers,
        command=command,
        version=__version__,
        commit=source_commit(),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, render(page))
    record_files([out])


def _paper(path: Path) -> Paper:
    return Paper(path=str(path), report=read_checked(path / "paper.json", PaperReport))
