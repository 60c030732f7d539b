"""The machine around the harness: child processes, standard error, tools, versions."""
