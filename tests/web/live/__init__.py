"""The tests of `backend.web.live`."""
