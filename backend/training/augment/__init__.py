"""How pictures are changed before the network sees them."""
