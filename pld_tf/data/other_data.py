"""How a corpus differs from the one that a model was trained on, as numbers and as sentences."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class OtherData:
    """Other data than that of the training, and how it fits the model.

    Attributes:
      data: its folder.
      origin: run folder or bundle of the model.
      split: the split that is used.
      clips: clips of that split, before any is left out.
      known_clips: clips that the model knows from training; None if that can't be told.
      known_speakers: speakers of the split that the model knows from training.
      clips_of_known_speakers: their clips, but for those in `known_clips`.
      nameless_clips: clips without a speaker in their names; None as for `known_clips`.
      keywords: how many the model has.
      missing_keywords: keywords that have no clip left.
      unknown_words: words that are no keywords and count as `unknown`.
      left_out_words: words that are no keywords and do not count.
    """

    data: str
    origin: str
    split: str
    clips: int
    known_clips: int | None
    known_speakers: int | None
    clips_of_known_speakers: int | None
    nameless_clips: int | None
    keywords: int
    missing_keywords: list[str]
    unknown_words: list[str]
    left_out_words: list[str]

    def to_dict(self) -> dict[str, Any]:
        """The object `other_data` of reports, ready for JSON; docs/formats/reports.md."""
        values = asdict(self)
        del values["origin"]
        return {**values, "notes": self.notes()}

    def notes(self) -> list[str]:
        """Sentences for people; the first says that the data is other."""
        return [
            f"{self.data} is not the data that {self.origin} was trained on, or has changed since. "
            f"{self._known()}",
            *self._words(),
        ]

    def _known(self) -> str:
        clips = f"{self.clips} {self.split} clip{'' if self.clips == 1 else 's'}"
        if self.known_clips is None:
            return (
                f"Some of its {clips} may be known from training: {self.origin} was made by a "
                "version that kept no hashes of clips. The same pld-tf distill adds them to a run."
            )
        known, more = self.known_clips, self.clips_of_known_speakers
        if not known and not more:
            return (
                f"Of its {clips}, none is known from training, and no speaker is.{self._nameless()}"
            )
        left = self.clips - known - (more or 0)
        return (
            f"Of its {clips}, {known} are known from training, and {more} more are of "
            f"{self.known_speakers} speakers known from training: they are left out, {left} stay."
            f"{self._nameless()}"
        )

    def _nameless(self) -> str:
        if not self.nameless_clips:
            return ""
        return (
            f" {self.nameless_clips} have no speaker in their names (<speaker>_nohash_<n>): "
            "whether "
            "their voices are known can't be told."
        )

    def _words(self) -> Iterator[str]:
        if self.missing_keywords:
            yield (
                f"No clip of {len(self.missing_keywords)} of {self.keywords} keywords: "
                f"{_listed(self.missing_keywords)}. The figures are about the other keywords."
            )
        if self.unknown_words:
            yield (
                f"{len(self.unknown_words)} of its words are no keywords and count as unknown: "
                f"{_listed(self.unknown_words)}."
            )
        if self.left_out_words:
            yield (
                f"{len(self.left_out_words)} of its words are left out, because the recipe ignores "
                f"them or has no unknown words: {_listed(self.left_out_words)}."
            )


def other_data_text(other: dict[str, Any] | None) -> str:
    """A few words behind "clips" in a report's first line; `other` as `OtherData.to_dict`."""
    return f" of other data ({other['data']})" if other else ""


def _listed(words: list[str]) -> str:
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return ", ".join(words[:_SHOWN]) + more
