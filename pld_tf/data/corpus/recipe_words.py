"""Check the words of a recipe against the folders of a corpus, before anything is read."""

from pathlib import Path

from pld_tf.data.corpus.folders import role_of
from pld_tf.data.corpus.scan import Scan, scan
from pld_tf.errors import PldError
from pld_tf.recipe.explain import nearest
from pld_tf.recipe.tables import WordChoices


def require_folders(choices: WordChoices, data: Path) -> None:
    """Refuse words that have no folder: most are misspelt.

    Raises:
      PldError: there is no corpus, or a keyword or an ignored word names no folder of words in it.
    """
    found = scan(data)
    for kind, named in (("keyword", choices.keywords), ("ignored word", choices.ignored)):
        for word in named:
            if word not in found.words:
                line = _absent(f"{kind} '{word}'", word, data, found)
                raise PldError(" ".join([line, *found.notes]))
    for word in choices.keywords:
        if not found.words[word]:
            notes = " ".join(found.notes)
            raise PldError(f"the folder of keyword '{word}' in {data} has no recording. {notes}")


def _absent(what: str, word: str, data: Path, found: Scan) -> str:
    if role_of(word) == "noise" and (data / word).is_dir():
        return (
            f"{what} of the recipe: {data / word} is taken as background noise, not as a word. "
            "Rename the folder and the word, or move the folder away."
        )
    return f"{what} of the recipe has no folder in {data};{nearest(word, found.words)}"
