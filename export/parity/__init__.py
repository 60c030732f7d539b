"""The same labels at every stage from the float model to the generated C."""
