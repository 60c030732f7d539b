"""The tables of Lin & Wong as data: ladders, and the accuracy the paper gives. Imports nothing."""

SOURCE = "Lin & Wong 2019, arXiv:1901.09135"
SOURCE_MS = 1000  # every ladder starts with a teacher of this input length, whole clips
TARGET_MS = 500

# Without label distillation, at 500 ms. The paper does not state how this network was trained.
UNTAUGHT = 12.03

# Test accuracy in %, by the length of each rung below 1000 ms. Ladders of one step are table 1.
DIRECT: tuple[dict[int, float], ...] = (
    {900: 94.91},
    {800: 93.81},
    {700: 92.58},
    {600: 90.12},
    {500: 85.82},
)
LADDERS: tuple[dict[int, float], ...] = (
    {500: 85.82},
    {600: 90.12, 500: 86.71},
    {700: 92.58, 500: 87.92},
    {800: 93.81, 500: 89.22},
    {900: 94.91, 500: 88.94},
    {700: 92.58, 600: 91.18, 500: 84.98},
    {800: 93.81, 600: 90.97, 500: 88.24},
    {900: 94.91, 700: 93.07, 500: 86.12},
    {800: 93.81, 700: 93.38, 600: 90.96, 500: 84.90},
    {900: 94.91, 800: 94.34, 700: 92.85, 500: 84.25},
    {900: 94.91, 800: 94.34, 700: 92.85, 600: 89.15, 500: 79.50},
)
