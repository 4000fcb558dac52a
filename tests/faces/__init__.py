"""The tests of `backend.faces`."""
