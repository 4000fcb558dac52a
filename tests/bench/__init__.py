"""The tests of `backend.bench`."""
