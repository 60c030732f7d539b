"""How many clips, speakers and splits a corpus has of each word, and what training would say."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pld_tf.data.corpus.check import corpus_notes
from pld_tf.data.corpus.corpus import Clip, Corpus, refuse_shared_speakers
from pld_tf.data.corpus.split import SPLITS
from pld_tf.errors import PldError
from pld_tf.recipe.schema import Recipe
from pld_tf.system.tables import text_table

_ROWS = 50  # of words in the text; --json has all


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Clips of a word, or of a corpus.

    Attributes:
      clips: in all.
      speakers: different names; None if a clip names no speaker.
      splits: clips by split.
    """

    clips: int
    speakers: int | None
    splits: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What a corpus holds, by file names alone.

    Attributes:
      total: of the whole corpus.
      words: by word, keywords of the recipe first.
      is_listed: whether lists decide the splits.
      recipe: name of the recipe; None if there is none.
      keywords: of the recipe.
      refused: why `distill` would refuse the corpus; None if it would not.
      warnings: what `distill` would say of it, one line each.
    """

    total: Counts
    words: dict[str, Counts]
    is_listed: bool
    recipe: str | None
    keywords: tuple[str, ...]
    refused: str | None
    warnings: tuple[str, ...]


def overview(corpus: Corpus, recipe: Recipe | None = None, name: str | None = None) -> Overview:
    """Count the clips of a corpus, and check them against a recipe called `name`."""
    by_word: dict[str, list[Clip]] = {}
    for clip in corpus.clips:
        by_word.setdefault(clip.word, []).append(clip)
    keywords = tuple(recipe.words.keywords) if recipe else ()
    refused, warnings = _verdict(corpus, recipe)
    return Overview(
        total=_counts(corpus.clips),
        words={
            word: _counts(by_word[word])
            for word in sorted(by_word, key=lambda word: (word not in keywords, word))
        },
        is_listed=corpus.is_listed,
        recipe=name,
        keywords=keywords,
        refused=refused,
        warnings=tuple(warnings),
    )


def _counts(clips: Sequence[Clip]) -> Counts:
    speakers = {clip.speaker for clip in clips}
    splits = Counter(clip.split for clip in clips)
    return Counts(
        clips=len(clips),
        speakers=None if None in speakers else len(speakers),
        splits={split: splits[split] for split in SPLITS},
    )


def _verdict(corpus: Corpus, recipe: Recipe | None) -> tuple[str | None, list[str]]:
    try:
        if corpus.is_listed:
            refuse_shared_speakers(corpus.clips, corpus.root)
        return None, corpus_notes(corpus.clips, recipe) if recipe else []
    except PldError as error:
        return str(error), []


def overview_json(seen: Overview) -> dict[str, Any]:
    """The overview described in docs/formats/reports.md, ready for JSON."""
    return {
        **_counts_json(seen.total),
        "words": {word: _counts_json(counts) for word, counts in seen.words.items()},
        "split_by": "lists" if seen.is_listed else "speakers",
        "recipe": seen.recipe,
        "keywords": list(seen.keywords),
        "refused": seen.refused,
        "warnings": list(seen.warnings),
    }


def overview_text(seen: Overview) -> str:
    """A row for each word, then what training would refuse or say."""
    rows = [
        _row(f"{word} (keyword)" if word in seen.keywords else word, counts)
        for word, counts in list(seen.words.items())[:_ROWS]
    ]
    if len(seen.words) > _ROWS:
        rows.append((f"{len(seen.words) - _ROWS} more; --json has all", *[""] * 5))
    rows.append(_row("all", seen.total))
    lines = [text_table(rows, head=("word", "clips", "speakers", *SPLITS), right=range(1, 6))]
    lines.append(f"split by {'the lists' if seen.is_listed else 'speaker, there are no lists'}.")
    if seen.refused:
        lines.append(f"distill refuses this corpus: {seen.refused}")
    lines += [f"distill warns: {warning}" for warning in seen.warnings]
    if seen.recipe and not seen.refused and not seen.warnings:
        lines.append(f"distill {seen.recipe} has nothing to say against these words.")
    return "\n".join(lines)


def _row(name: str, counts: Counts) -> tuple[str, ...]:
    speakers = "not named" if counts.speakers is None else f"{counts.speakers:,}"
    return name, f"{counts.clips:,}", speakers, *(f"{counts.splits[s]:,}" for s in SPLITS)


def _counts_json(counts: Counts) -> dict[str, Any]:
    return {"clips": counts.clips, "speakers": counts.speakers, "splits": counts.splits}
