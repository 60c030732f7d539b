"""Find the clips of a corpus that look wrong. Changes nothing."""
