"""Folders that look like a corpus."""

from pathlib import Path


def make(root: Path, *paths: str, **lists: list[str]) -> Path:
    """Write one byte per clip, and list files by the stem of their names."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")
    for stem, lines in lists.items():
        (root / f"{stem}.txt").write_text("".join(f"{line}\n" for line in lines))
    return root
