"""Where a corpus that is made or downloaded may appear."""

from pathlib import Path

from pld_tf.errors import PldError


def new_folder(directory: Path) -> Path:
    """The absolute path of a folder that is to appear at once, by renaming.

    Raises:
      PldError: it is the working folder. What replaces that would leave the user's shell in a
        folder that is no more.
    """
    absolute = directory.resolve()
    if absolute == Path.cwd():
        raise PldError(
            f"{directory} is the folder you are in, where a corpus can't appear as a whole. "
            "Name a new folder, as ./speech."
        )
    return absolute
