"""What generated C is to be good at; light to import, because the command line lists it."""

from enum import StrEnum


class Optimize(StrEnum):
    """What the C for cores with the DSP extension is to be good at."""

    SIZE = "size"
    BALANCED = "balanced"
    SPEED = "speed"
