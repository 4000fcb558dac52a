"""The analysis of a file or of a camera, from frames to findings."""
