"""The training data: its index, and the pairs that are drawn from it."""
