"""The firmware bundle as a reader sees it: its manifest, its models, its C files."""
