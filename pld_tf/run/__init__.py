"""The run folder: what a training writes to disk, and how it resumes."""
