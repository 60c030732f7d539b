"""The data doctor: clips that look wrong, and labels that a trained run disputes."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pld_tf.data.corpus.corpus import list_corpus
from pld_tf.doctor import checks
from pld_tf.doctor.examine import examine
from pld_tf.doctor.findings import Finding, Report, in_order
from pld_tf.doctor.judge import RunJudge
from pld_tf.doctor.levels import OUTLIER_DB, level_notes, median_levels
from pld_tf.doctor.overview import overview
from pld_tf.features.spec import FeatureSpec
from pld_tf.recipe.schema import Recipe
from pld_tf.system.progress import progress_bar

# Makes a judge of the clips of these words.
MakeJudge = Callable[[Sequence[str]], RunJudge]


def doctor(
    data: Path,
    *,
    make_judge: MakeJudge | None,
    short_ms: int,
    recipe: Recipe | None = None,
    recipe_name: str | None = None,
) -> Report:
    """Check every clip of `data`; changes nothing there.

    Args:
      data: a corpus.
      make_judge: makes the judge that disputes labels; None skips this check.
      short_ms: a shorter clip is `short`.
      recipe: the overview says what training with it would refuse.
      recipe_name: of the recipe.

    Raises:
      PldError: there is no corpus; or as `make_judge`.
    """
    corpus = list_corpus(data, keywords=recipe.words.keywords if recipe else ())
    words = sorted({clip.word for clip in corpus.clips})
    judge = make_judge(words) if make_judge else None
    rate = judge.spec.sample_rate_hz if judge else FeatureSpec().sample_rate_hz
    with progress_bar("examining") as advance:
        examined = examine(
            corpus, sample_rate_hz=rate, short_ms=short_ms, judge=judge, progress=advance
        )
    levels = median_levels(examined.levels_db, judge.trained_level_db if judge else None)
    return Report(
        data=str(data),
        clips=len(corpus.clips),
        overview=overview(corpus, recipe, recipe_name),
        levels=levels,
        findings=in_order(examined.findings),
        notes=(
            *corpus.notes,
            *examined.notes,
            *level_notes(levels),
            *_notes(examined.findings, has_judge=judge is not None),
        ),
        limits={
            "short_ms": short_ms,
            "near_silent_peak": checks.NEAR_SILENT_PEAK,
            "least_rise_db": checks.LEAST_RISE_DB,
            "clipped_share": checks.CLIPPED_SHARE,
            "clipped_run": checks.CLIPPED_RUN,
            "cut_off_db": checks.CUT_OFF_DB,
            "over_quiet_db": checks.OVER_QUIET_DB,
            "outlier_db": OUTLIER_DB,
            "sample_rate_hz": rate,
            **({"confidence": judge.confidence} if judge else {}),
        },
    )


def _notes(found: list[Finding], *, has_judge: bool) -> Iterator[str]:
    if not has_judge:
        yield "No label was checked by ear; --with RUN lets a trained run dispute them."
    held_out = sum(one.reason == "disputed" and one.split != "train" for one in found)
    if held_out:
        yield (
            f"{held_out:,} disputed clips are for validation or test. Some are the run's own "
            "mistakes: listen before you exclude them, or accuracy rises by looking away."
        )
