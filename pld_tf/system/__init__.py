"""The machine around a run: files, progress, standard error, versions."""
