"""What a figure was measured on: different recordings, keywords and speakers, never repetitions."""

from collections.abc import Collection, Iterable
from typing import Any

from pld_tf.data.corpus.split import speaker_of


def count_recordings(paths: Iterable[str], keywords: Collection[str]) -> dict[str, Any]:
    """Count recordings, given as <word>/<file>, for JSON. A path counts once, however often given.

    >>> count_recordings(["yes/ann_nohash_0.wav"] * 9, ["yes", "no"]) == {
    ...     "of_keywords": 1, "keywords": 1, "all_keywords": 2, "of_other_words": 0, "speakers": 1}
    True
    """
    different = set(paths)
    words = [path.partition("/")[0] for path in different]
    speakers = {speaker_of(path) for path in different}
    return {
        "of_keywords": sum(word in keywords for word in words),
        "keywords": len(set(words).intersection(keywords)),
        "all_keywords": len(keywords),
        "of_other_words": sum(word not in keywords for word in words),
        "speakers": None if None in speakers else len(speakers),
    }


def recordings_text(counts: dict[str, Any]) -> str:
    """As people read it.

    >>> recordings_text(count_recordings(["yes/0.wav", "tree/1.wav"], ["yes", "no"]))
    'from 1 recording of 1 of 2 keywords and 1 of other words, speakers not named'
    """
    of_keywords, others, speakers = (
        counts[name] for name in ("of_keywords", "of_other_words", "speakers")
    )
    spoken_by = "speakers not named"
    if speakers is not None:
        spoken_by = f"{speakers:,} speaker{'s' * (speakers != 1)}"
    return (
        f"from {of_keywords:,} recording{'s' * (of_keywords != 1)} of {counts['keywords']} of "
        f"{counts['all_keywords']} keywords and {others:,} of other words, {spoken_by}"
    )
