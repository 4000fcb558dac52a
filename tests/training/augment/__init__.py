"""The tests of `backend.training.augment`."""
