"""The tests of `backend.jobs`."""
