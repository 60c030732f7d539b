"""Find speakers whose clips are in two splits."""

from collections import Counter
from collections.abc import Iterable, Iterator

from pld_tf.data.corpus.corpus import Clip
from pld_tf.doctor.findings import Finding, finding


def shared_speakers(clips: Iterable[Clip]) -> Iterator[Finding]:
    """The clips of a speaker outside the split that holds most of the speaker's clips."""
    by_speaker: dict[str, list[Clip]] = {}
    for clip in clips:
        if clip.speaker is not None:
            by_speaker.setdefault(clip.speaker, []).append(clip)
    for speaker, spoken in by_speaker.items():
        counts = Counter(clip.split for clip in spoken)
        if len(counts) < 2:
            continue
        stays, most = min(counts.items(), key=lambda item: (-item[1], item[0]))
        for clip in spoken:
            if clip.split != stays:
                detail = f"speaker {speaker} has {most} clip(s) in {stays}"
                yield finding(clip, "speaker_in_two_splits", detail)
