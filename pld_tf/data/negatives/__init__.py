"""Hours of sound without keywords: packed, read as crops and as streams."""
