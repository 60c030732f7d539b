"""The cache folder of packed recordings: where it lies, who packs, what happens if it is full."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import tensorflow as tf
from platformdirs import user_cache_dir

from pld_tf.data.store.lock import claimed
from pld_tf.errors import PldError
from pld_tf.system.progress import Say


def cache_folder() -> Path:
    """PLD_TF_CACHE, or the user's cache folder.

    Raises:
      PldError: neither is known, as for a user without a home.
    """
    if named := os.environ.get("PLD_TF_CACHE"):
        return Path(named)
    with suppress(RuntimeError):  # of later platformdirs; earlier ones give ~/.cache as it stands
        folder = Path(user_cache_dir("pld-tf"))
        if folder.is_absolute():
            return folder
    raise PldError(
        "packed recordings need a folder, but this user has no home. Name one in PLD_TF_CACHE."
    )


@contextmanager
def claimed_for_packing(cache: Path, partial: Path, say: Say | None) -> Iterator[Path]:
    """One process packs. Another that needs the same corpus waits, and finds it packed."""

    def waits() -> None:
        if say:
            say("waiting for another pld-tf that packs this corpus.")

    with ExitStack() as stack:
        try:
            stack.enter_context(claimed(partial, waits=waits))
        except OSError as error:
            raise PldError(
                f"the packed corpus can't be written to {cache}: {error.strerror}. Name another "
                "folder in PLD_TF_CACHE."
            ) from error
        yield partial


@contextmanager
def told_when_full(partial: Path, needed: int) -> Iterator[None]:
    """Turn a full disk into one line, and free the space that was used."""
    try:
        yield
    except (OSError, tf.errors.ResourceExhaustedError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        shutil.rmtree(partial, ignore_errors=True)
        raise PldError(
            f"the disk of {partial.parent} is full: packing takes about {needed / 1e6:.0f} MB. "
            "Free some space, or name another disk in PLD_TF_CACHE."
        ) from error
