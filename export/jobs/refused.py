"""A model that breaks a rule of the gate: its bundle is kept beside, and how to go on is said."""

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from export.c_code.optimize import Optimize
from export.errors import ExportError
from export.parity.verdict import DEFAULT_MAX_FLIPS, DEFAULT_MAX_LOSS, Fault, Limits
from export.system.files import Json, new_folder
from export.system.prefix import DEFAULT


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command that was given, as far as it decides which model is made.

    Args:
      run: a run folder, or the model bundle in it.
      out: the folder to write.
      rung: which rung; None for the last.
      kind: "int8", "int16x8" or "float".
      variant: which int8 student; None for the best that passes.
      optimize: what the C for the DSP extension is to be good at.
      prefix: of all names in C.
      limits: what it may lose and flip.
    """

    run: Path
    out: Path
    rung: int | None
    kind: str
    variant: str | None
    optimize: Optimize
    prefix: str
    limits: Limits

    def command(self, limits: Limits) -> str:
        """The same command with other limits, for a shell."""
        options: list[str] = []
        if self.rung is not None:
            options += ["--rung", str(self.rung)]
        if self.variant is not None:
            options += ["--variant", self.variant]
        if self.optimize is not Optimize.BALANCED:
            options += ["--optimize", self.optimize.value]
        if self.prefix != DEFAULT:
            options += ["--prefix", self.prefix]
        if limits.loss_points != DEFAULT_MAX_LOSS:
            options += ["--max-loss", f"{limits.loss_points:.10g}"]
        if limits.flips_percent != DEFAULT_MAX_FLIPS:
            options += ["--max-flips", f"{limits.flips_percent:.10g}"]
        parts = ["pld-tf", "export", str(self.run), f"--{self.kind}", *options]
        return shlex.join([*parts, "--out", str(self.out)])


def place_beside(out: Path) -> Path:
    """Where a refused bundle is kept: OUT.refused."""
    return out.with_name(f"{out.absolute().name}.refused")


def refused_entry(faults: Sequence[Fault], asked: Asked) -> Json | None:
    """The manifest's `refused`; None if no rule is broken."""
    if not faults:
        return None
    return {
        "faults": [{"stage": fault.stage, "why": fault.why} for fault in faults],
        "command": asked.command(asked.limits.wide_enough(faults)),
    }


def keep_beside(folder: Path, out: Path) -> Path:
    """Copy a whole bundle to OUT.refused; an older bundle there is replaced, OUT stays.

    Raises:
      ExportError: OUT.refused is something else, or cannot be written.
    """
    place = place_beside(out)
    with new_folder(place) as stage:
        shutil.copytree(folder, stage, dirs_exist_ok=True)
    return place


def refusal(
    faults: Sequence[Fault], *, asked: Asked, costly: str | None, place: Path
) -> ExportError:
    """What is wrong with a model, in one line.

    Args:
      faults: at least one; the first is told.
      asked: the command that was given.
      costly: the layer that costs most, in a sentence.
      place: where the bundle is kept.
    """
    first = faults[0]
    parts = [first.why, first.advice]
    if first.by_rounding:
        parts += [costly or "", _other_ways(asked)]
    command = asked.command(asked.limits.wide_enough(faults))
    parts.append(f"The bundle is kept in {place}; this takes it as it is: {command}")
    return ExportError(" ".join(filter(None, parts)))


def _other_ways(asked: Asked) -> str:
    if asked.kind != "int8":
        return ""
    return "Quantization-aware training (finish.ways in the recipe) or --int16x8 may lose less."
