"""The run folder: what a training leaves on disk, and how it goes on."""
