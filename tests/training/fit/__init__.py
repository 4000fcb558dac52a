"""The tests of `backend.training.fit`."""
