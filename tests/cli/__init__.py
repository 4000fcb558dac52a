"""The tests of `backend.cli`."""
