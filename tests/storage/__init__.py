"""The tests of `backend.storage`."""
