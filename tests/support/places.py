"""Where tests find what they read."""

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
GOLDEN = TESTS / "golden" / "harness"
C = TESTS / "c"
SHARED = ROOT.parent / "shared"  # material beside the repository that is not part of it
