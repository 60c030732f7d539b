"""What a file is, by its name: a recording, a sound that is not read, or neither."""

import posixpath

AUDIO_SUFFIXES = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".mpga", ".aiff", ".aif", ".aifc", ".au", ".snd", ".caf"),
)
_UNREAD_SOUNDS = (
    *(".m4a", ".mp4", ".aac", ".3gp", ".amr", ".webm", ".mka", ".wma", ".wv", ".ape", ".spx"),
    *(".sph", ".nist", ".raw", ".pcm", ".mp2", ".voc", ".ac3"),
)
# Notes on recordings and leftovers of file managers, which nobody mistakes for a recording.
_NO_SOUND = (".md", ".txt", ".csv", ".tsv", ".json", "thumbs.db", "desktop.ini")
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")


def is_audio(name: str) -> bool:
    """Whether a file of this name counts as a recording. Blanks at its end don't matter."""
    return _ends(name, AUDIO_SUFFIXES)


def is_sound(name: str) -> bool:
    """Whether a file of this name is a recording, or would be one if it were converted."""
    return _ends(name, (*AUDIO_SUFFIXES, *_UNREAD_SOUNDS))


def is_archive(name: str) -> bool:
    return _ends(name, _ARCHIVES)


def is_worth_a_note(name: str) -> bool:
    """Whether somebody may miss a file that is not read."""
    return not name.startswith(".") and not _ends(name, _NO_SOUND)


def without_suffix(path: str) -> str:
    """A path without the suffix of a sound: lists often name a clip in another format.

    >>> without_suffix("yes/ann.2.WAV"), without_suffix("yes/ann.2")
    ('yes/ann.2', 'yes/ann.2')
    """
    path = path.rstrip()
    return posixpath.splitext(path)[0] if is_sound(posixpath.basename(path)) else path


def _ends(name: str, suffixes: tuple[str, ...]) -> bool:
    # macOS leaves files like `._a.wav` on foreign disks.
    return not name.startswith(".") and name.rstrip().lower().endswith(suffixes)
