"""One HTML page about runs and firmware bundles: what they are, what they can do, what it cost."""
