"""Which clips there are, what they say, and in which split they belong."""
