"""Sound: where somebody speaks, and whether a machine does."""
