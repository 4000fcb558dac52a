"""The tests of `backend.analysis`."""
