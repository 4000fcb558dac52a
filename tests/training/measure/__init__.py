"""The tests of `backend.training.measure`."""
