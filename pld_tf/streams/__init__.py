"""Words in time: streams with known words, detections, thresholds."""
