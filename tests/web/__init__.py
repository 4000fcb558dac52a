"""The tests of `backend.web`."""
