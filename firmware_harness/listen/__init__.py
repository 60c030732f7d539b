"""A stream of audio through the C of a bundle: words as they come."""
