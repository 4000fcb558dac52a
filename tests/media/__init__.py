"""The tests of `backend.media`."""
