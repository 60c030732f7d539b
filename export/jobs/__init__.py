"""What each command does, from its input to written files."""
