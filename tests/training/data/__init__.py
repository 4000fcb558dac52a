"""The tests of `backend.training.data`."""
