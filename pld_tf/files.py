"""Files that are either whole or absent."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text under a temporary name, then rename."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON under a temporary name, then rename."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays under a temporary name, then rename."""
    temporary = path.with_name(path.name + ".tmp")
    # NumPy's half-written zip file would complain on stderr when the disk is full.
    whole = io.BytesIO()
    np.savez(whole, **arrays)
    temporary.write_bytes(whole.getbuffer())
    temporary.replace(path)
