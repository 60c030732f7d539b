"""Find clips that are the same recording, by digests. No audio is kept."""

from collections.abc import Iterator

from pld_tf.data.corpus.corpus import Clip
from pld_tf.doctor.findings import Finding, finding

# The first of several copies in this order stays, so a held-out list keeps its clips.
_KEPT_FIRST = ("test", "validation", "train")


class Copies:
    """Groups of equal clips; takes about 200 bytes per clip."""

    def __init__(self) -> None:
        self._groups: dict[bytes, list[tuple[Clip, bytes]]] = {}

    def add(self, clip: Clip, *, file_digest: bytes, content: bytes | None) -> None:
        self._groups.setdefault(content or file_digest, []).append((clip, file_digest))

    def findings(self) -> Iterator[Finding]:
        """All copies but one of each group; every clip of a group whose words differ.

        It is unknown which of several words is right. So if the list is used to exclude clips, such
        a group loses every clip. Any other group keeps one.
        """
        for group in self._groups.values():
            if len(group) > 1:
                yield from _group_findings(group)


def _group_findings(group: list[tuple[Clip, bytes]]) -> Iterator[Finding]:
    (kept, kept_file), *others = sorted(
        group, key=lambda member: (_KEPT_FIRST.index(member[0].split), member[0].path)
    )
    words = sorted({clip.word for clip, _ in group})
    if len(words) > 1:
        detail = f"also {others[0][0].path}; words: {', '.join(words)}"
        yield finding(kept, "duplicate_two_words", detail)
    for clip, file_digest in others:
        reason = "byte_duplicate" if file_digest == kept_file else "content_duplicate"
        yield finding(clip, reason, f"as {kept.path}")
        if clip.split != kept.split:
            yield finding(clip, "duplicate_in_two_splits", f"as {kept.path} ({kept.split})")
        if len(words) > 1:
            detail = f"also {kept.path}; words: {', '.join(words)}"
            yield finding(clip, "duplicate_two_words", detail)
