"""How a network is fitted by its recipe."""
