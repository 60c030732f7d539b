"""The clips of a corpus, their words and their splits."""
