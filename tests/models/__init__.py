"""The tests of `backend.models`."""
