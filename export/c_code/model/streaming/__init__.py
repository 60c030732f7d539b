"""A model as a step: new frames in, the scores of the whole window out, nothing computed twice."""
