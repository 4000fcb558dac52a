"""The tests of `backend.training.networks`."""
