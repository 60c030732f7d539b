r"""Find the clip that a line of a list means, whatever system or person wrote it.

Such lines have `\` for `/`, folders before the word's, other capitals, or accents that are letters
of their own.
"""

import posixpath
from collections.abc import Callable, Iterable

from pld_tf.system.names import plain_name


def _same(path: str) -> str:
    return path


class WrittenNames:
    """Names of clips, found by what lines say.

    Args:
      paths: `<word>/<file>`, as `Found.path`.
      key: gives the name of a path, as the path without its suffix. Paths may share a name.
    """

    def __init__(self, paths: Iterable[str], *, key: Callable[[str], str] = _same) -> None:
        self._key = key
        self._names = frozenset(map(key, paths))
        self._folded: dict[str, str | None] = {}  # None: several names differ in capitals only
        for name in self._names:
            folded = name.casefold()
            self._folded[folded] = None if folded in self._folded else name

    def find(self, line: str) -> str | None:
        """The name that a line means, or None."""
        for path in (line, word_and_file(line)):
            name = self._key("/".join(map(plain_name, path.split("/"))))
            if name in self._names:
                return name
        return self._folded.get(name.casefold())


def word_and_file(line: str) -> str:
    r"""`<word>/<file>` of a line: the last two parts of its path.

    >>> word_and_file(r'"C:\speech\yes\a.wav"'), word_and_file("./yes//a.wav")
    ('yes/a.wav', 'yes/a.wav')
    """
    path = posixpath.normpath(line.strip().strip("\"'").replace("\\", "/"))
    return "/".join(path.split("/")[-2:])
