"""The tests of `backend.engines`."""
