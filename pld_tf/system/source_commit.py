"""The commit of the source behind a figure. Never fails."""

import os
import subprocess
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]


def source_commit(checkout: Path = _CHECKOUT) -> str | None:
    """Full hash of the checkout whose top folder this is, with `+` when files differ.

    None if the folder is not a checkout (an installed package), has no commit, or git is missing.
    """
    # Without this, a package installed inside another checkout would give that checkout's commit.
    if not (checkout / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"]
    # Git hooks set GIT_DIR, which git would use instead of the folder.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        found = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
