"""Finds the faces of frames, follows and describes them."""
