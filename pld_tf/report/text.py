"""Numbers as the page writes them."""

KIB = 1024
NOT_MEASURED = "not measured"


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction as percent.

    >>> percent(0.93333), percent(None)
    ('93.3 %', 'none')
    """
    return "none" if fraction is None else f"{100 * fraction:.{digits}f} %"


def between(low: float, high: float, digits: int = 1) -> str:
    """Two fractions as percent.

    >>> between(0.9078, 0.9521)
    '90.8 to 95.2 %'
    """
    return f"{100 * low:.{digits}f} to {100 * high:.{digits}f} %"


def kib(size: int) -> str:
    """Bytes as KiB.

    >>> kib(82776)
    '80.8 KiB'
    """
    return f"{size / KIB:.1f} KiB"


def large(number: float) -> str:
    """A count in three digits.

    >>> large(8_470_350), large(27_350), large(12)
    ('8.47 million', '27,350', '12')
    """
    return f"{number / 1e6:.3g} million" if number >= 1e6 else f"{number:,.0f}"


def rate(per_hour: float) -> str:
    """Events an hour.

    >>> rate(15.0), rate(0.5)
    ('15', '0.5')
    """
    return f"{per_hour:,.0f}" if per_hour >= 10 else f"{per_hour:.2g}"


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "clip"), plural(1200, "clip")
    ('1 clip', '1,200 clips')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
