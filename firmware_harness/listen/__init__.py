"""Runs a bundle's C on a stream of audio and reports words as they come."""
