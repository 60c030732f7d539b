"""Files and folders that appear whole or not at all, JSON, columns of text."""
