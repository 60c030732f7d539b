"""Names as they are compared: what looks the same is the same."""

import unicodedata


def plain_name(text: str) -> str:
    r"""The name composed as Unicode's form C, without blanks at its ends.

    macOS writes é as e and an accent, other systems as one letter.

    >>> plain_name("cafe\u0301 ") == "caf\u00e9"
    True
    """
    return unicodedata.normalize("NFC", text).strip()
