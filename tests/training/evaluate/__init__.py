"""The tests of `backend.training.evaluate`."""
