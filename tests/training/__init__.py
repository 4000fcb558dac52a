"""The tests of `backend.training`."""
