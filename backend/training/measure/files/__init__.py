"""Measures which of the files that people really have get the right answer."""
