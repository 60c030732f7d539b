"""All choices of a run: their schema, how they are read, what each affects."""
