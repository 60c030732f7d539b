"""The hand-off to `export`: a frozen student with its features, labels and golden crops."""
