"""The tests of `backend.report`."""
