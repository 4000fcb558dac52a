"""Measures how fast this machine answers: `python -m backend bench`."""
