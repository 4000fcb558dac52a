"""The only owner of paths: what lies where, and when it goes."""
