"""The tests of `backend.evidence`."""
